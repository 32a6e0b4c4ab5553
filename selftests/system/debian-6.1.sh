#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A Debian system with systemd on Debian's newest kernel 6.1: everything switched on, upgraded, rebooted, measured.
exec "$(dirname "$0")/check" 6.1
