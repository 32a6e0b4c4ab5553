#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A guest program that unloads the module: the next one finds it loaded again.
echo "1..1"
if rmmod planted; then echo "ok 1 - unloaded"; else echo "not ok 1 - unloaded"; fi
