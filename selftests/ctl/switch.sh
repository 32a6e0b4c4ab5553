#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Programs that start while activations and generations are switched: each one runs, and each from the cache.
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/both_ways.sh
private_state "$FIX/hello"

ctl() { "$DYLDCTL" --state "$STATE" "$@"; }

# Starts hello until the file "stop" appears; prints every decision that is not "prebuilt".
# shellcheck disable=SC2016 # expanded by the inner shell
starter='
    count=0
    while [[ ! -e $1/stop ]]; do
        line=$(DYLD_PRINT_LOADERS=1 "$2" 0 2>&1 >"$1/out.$3") || echo "exit code $?"
        [[ $line == "dyld: prebuilt "* ]] || echo "decision: $line"
        grep -q "^2 arguments" "$1/out.$3" || echo "output: $(head -n 1 "$1/out.$3")"
        count=$((count + 1))
    done
    echo "$count" >"$1/count.$3"'
start_starters() {
    rm -f "$TAP_TMP/stop"
    for i in 1 2; do
        run_prebuilt bash -c "$starter" starter "$TAP_TMP" "$FIX/hello" "$i" >"$TAP_TMP/wrong.$i" 2>&1 &
    done
}
stop_starters() {
    touch "$TAP_TMP/stop"
    wait
    diag "$(($(cat "$TAP_TMP/count.1") + $(cat "$TAP_TMP/count.2"))) starts meanwhile"
}

start_starters
failed=0
for ((i = 0; i < 25; i++)); do
    ctl activate >/dev/null 2>"$TAP_TMP/activate.err" || failed=$((failed + 1))
done
stop_starters
is "$failed" 0 "25 activations one after the other succeed while programs start"
is "$(cat "$TAP_TMP"/wrong.*)" "" "every program that started meanwhile was prebuilt and ran well"
is "$(find "$(readlink -f "$STATE/active")/.." -mindepth 1 -maxdepth 1 | wc -l)" 1 "older activations are removed"

start_starters
failed=0
for ((i = 0; i < 5; i++)); do
    cp "$FIX/auxv" "$TAP_TMP/new.$i"
    ctl build "$TAP_TMP/new.$i" >/dev/null 2>"$TAP_TMP/build.err" || failed=$((failed + 1))
done
stop_starters
is "$failed" 0 "5 builds one after the other succeed while programs start"
is "$(cat "$TAP_TMP"/wrong.*)" "" "every program that started meanwhile was prebuilt and ran well"

# Two at a time: the lock lets one wait for the other.
pids=()
for ((i = 5; i < 9; i++)); do
    cp "$FIX/auxv" "$TAP_TMP/new.$i"
    ctl --quiet build "$TAP_TMP/new.$i" >"$TAP_TMP/build.$i" 2>&1 &
    pids+=($!)
done
failed=0
for pid in "${pids[@]}"; do wait "$pid" || failed=$((failed + 1)); done
is "$failed" 0 "four builds at the same time succeed"
for ((i = 5; i < 9; i++)); do
    is "$(decision "$TAP_TMP/new.$i" 2>&1)" prebuilt "the program of build $i is in the last generation"
done
tap_done
