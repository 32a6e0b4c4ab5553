#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The part of debian-6.12.sh that `make check` has time for: a generation for real programs, a reboot, and those programs at work.
exec "$(dirname "$0")/check" 6.12 prepare programs figures
