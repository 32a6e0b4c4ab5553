#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# ASAN and TSAN programs start, stay quiet when good and report when bad.
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/both_ways.sh
use_fixture_state

# Reports hold addresses and process ids: compare what was found.
summary() { grep -aoE '^SUMMARY: [A-Za-z]+: [a-z -]+' | head -n 1; }

for kind in asan tsan; do
    NORMALISE=(cat)
    both prebuilt "a good $kind program" "$FIX/$kind"
    plain=$("$FIX/$kind" bad 2>&1 </dev/null | summary)
    shared=$(run_prebuilt "$FIX/$kind" bad 2>&1 </dev/null | summary)
    is "$shared" "$plain" "a bad $kind program is reported"
    like "$plain" SUMMARY "the bad $kind program is really bad"
    NORMALISE=(true)
    both any "a bad $kind program's exit code" "$FIX/$kind" bad
done
tap_done
