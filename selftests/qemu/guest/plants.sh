#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A guest program that passes while the kernel goes wrong: `plants.sh ERROR` (see planted.c).
echo "1..1"
echo "$1" >/sys/module/planted/parameters/plant
echo "ok 1 - the program itself is content"
