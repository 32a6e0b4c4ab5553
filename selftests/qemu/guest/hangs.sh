#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A guest program that never ends.
echo "1..1"
while :; do sleep 1000; done
