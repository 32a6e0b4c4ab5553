#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# 10,000 spawns: every one from the cache (DYLD_USE_CLOSURES=2 fails otherwise) and every one successful.
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/both_ways.sh
use_fixture_state

spawns=${SPAWNS:-10000}
# The loop itself runs inside one `dyldctl run`, so that its children are started by ld-dyld.so.
loop='
failed=0 fallback=0
for ((i = 0; i < $0; i++)); do
    "${@:1 + i % $#:1}" >/dev/null 2>/dev/null
    case $? in
    0 | 3) ;;
    126) ((fallback++)) ;;
    *) ((failed++)) ;;
    esac
done
echo "$failed failed, $fallback fell back"'
programs=("$FIX/empty" "$FIX/uses_lib" "$FIX/empty" "$FIX/context" "$FIX/empty" "$FIX/uses_lib_nonpie" "$FIX/empty" /usr/bin/true)
result=$(DYLD_USE_CLOSURES=2 run_prebuilt bash -c "$loop" "$spawns" "${programs[@]}" 2>&1)
is "$result" "0 failed, 0 fell back" "$spawns spawns, one after the other"

parallel=$(for _ in 1 2 3 4; do
    DYLD_USE_CLOSURES=2 run_prebuilt bash -c "$loop" $((spawns / 10)) "${programs[@]}" 2>&1 &
done; wait)
is "$(sort -u <<<"$parallel")" "0 failed, 0 fell back" "$((spawns / 10)) spawns in each of four loops at a time"
tap_done
