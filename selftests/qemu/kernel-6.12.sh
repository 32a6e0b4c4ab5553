#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The programs of selftests/kmod/ on Debian's newest kernel 6.12.
exec "$(dirname "$0")/check" 6.12
