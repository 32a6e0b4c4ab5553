#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# 32-bit programs start by their own ld.so, also where others start from the cache.
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/both_ways.sh
. selftests/lib/bits32.sh
make_bits32 "$TAP_TMP" "$TAP_TMP/ld32" 2>/dev/null || skip_all "as and ld make no 32-bit programs"
program=$TAP_TMP/program32
"$program" >/dev/null 2>&1
(($? == 7)) || skip_all "this kernel starts no 32-bit programs"

private_state "$FIX/hello" /usr/bin/env
both none "a 32-bit program starts by its own ld.so" "$program"
is "$(run_prebuilt /usr/bin/env "$program")" "32 bits" "also as a child"
like "$("$DYLDCTL" --state "$STATE" why "$program")" '^other-machine' "why says so"
like "$("$DYLDCTL" --state "$STATE" build "$program" 2>&1)" "$program: foreign: not a dynamic x86-64 program" "build does not take it"
mkdir "$TAP_TMP/programs" && cp "$program" "$FIX/hello" "$TAP_TMP/programs/"
like "$("$DYLDCTL" --state "$STATE" --json build "$TAP_TMP/programs" 2>&1)" '"foreign": 1' "a directory's build passes over it"
tap_done
