#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A guest program that is killed before its first result.
echo "1..1"
kill -SEGV $$
