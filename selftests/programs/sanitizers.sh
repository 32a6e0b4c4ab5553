#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# ASAN and TSAN programs start, stay quiet when good and report when bad. The runtimes of ThreadSanitizer and
# DataFlowSanitizer end programs that have a mapping where the region lies: those have no set, and say why.
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/both_ways.sh
use_fixture_state

# Reports hold addresses and process ids: compare what was found.
summary() { grep -aoE '^SUMMARY: [A-Za-z]+: [a-z -]+' | head -n 1; }

declare -A decision_of_kind=([asan]=prebuilt [tsan]="jit no-set" [tsan_static]="jit no-set" [tsan_stripped]="jit no-set")
for kind in asan tsan tsan_static tsan_stripped; do
    NORMALISE=(cat)
    both "${decision_of_kind[$kind]}" "a good $kind program" "$FIX/$kind"
    plain=$("$FIX/$kind" bad 2>&1 </dev/null | summary)
    shared=$(run_prebuilt "$FIX/$kind" bad 2>&1 </dev/null | summary)
    is "$shared" "$plain" "a bad $kind program is reported"
    like "$plain" SUMMARY "the bad $kind program is really bad"
    NORMALISE=(true)
    both any "a bad $kind program's exit code" "$FIX/$kind" bad
done
both "jit no-set" "a dfsan program" "$FIX/dfsan"
for kind in tsan tsan_static tsan_stripped dfsan; do
    like "$("$DYLDCTL" --state "$STATE" why "$FIX/$kind")" "sanitizer-layout" "why a $kind program has no set"
done

both prebuilt "an asan program with a plugin that has TLS" "$FIX/plugin_tls_asan" "$FIX/libplugin.so"

# A heap that AddressSanitizer maps over whatever is there must never meet the region: bases all over the area.
for _ in 1 2 3 4 5; do
    "$DYLDCTL" --state "$STATE" activate >/dev/null 2>&1
    both prebuilt "a good asan program, another base" "$FIX/asan"
done
tap_done
