# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# For the scripts beside this one, which run as root in a guest: source it there, from /test/lib.

unset LD_LIBRARY_PATH # of selftests/qemu/init
export PATH=/usr/bin:/bin HOME=/tmp LC_ALL=C

# shellcheck source=selftests/lib/tap.sh
. /test/lib/tap.sh

comment() { "$@" 2>&1 | sed 's/^/# /'; }
