#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The include-direction check finds what it is for.
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/tap.sh

check=$PWD/selftests/lint/include-directions
probe() { # FILE INCLUDE: runs the check over a one-line file in a scratch tree
    mkdir -p "$TAP_TMP/$(dirname "$1")"
    echo "#include $2" >"$TAP_TMP/$1"
    (cd "$TAP_TMP" && "$check" "$1")
}

ok "builder may include a shared header" probe builder/a.cc '"sharedregion/units.h"'
ok "builder may include its own header" probe builder/a.cc '"builder/model/chunk.h"'
ok "a system header is nobody's business" probe libdyldshim/a.cc '<stdint.h>'
not_ok "daemon must not include builder" probe daemon/a.cc '"builder/model/chunk.h"'
not_ok "libdyldshim must not include daemon" probe libdyldshim/a.cc '"daemon/activation/slide.h"'
not_ok "a shared header must not include builder" probe include/sharedregion/a.h '"builder/a.h"'
ok "kmod may include cache_format.h" probe kmod/a.c '"sharedregion/cache_format.h"'
not_ok "kmod must not include set_format.h" probe kmod/a.c '"sharedregion/set_format.h"'
not_ok "an include by ../ is refused" probe builder/b.cc '"../daemon/a.h"'
not_ok "a folder without a place in the table is refused" probe extras/a.cc '<stdint.h>'
tap_done
