#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A guest program with one failed test.
echo "1..2"
echo "ok 1 - this passes"
echo "not ok 2 - this fails"
exit 1
