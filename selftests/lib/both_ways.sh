# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Starting a program both ways, plain and by `dyldctl run`, and comparing what it does. Source it from a test
# script whose working directory is the tree's root; it sources tap.sh.

. selftests/lib/tap.sh

ROOT=$PWD
FIX=$ROOT/out/fixtures
DYLDCTL=${DYLDCTL:-$ROOT/out/bin/dyldctl}
STATE=$ROOT/out/test-state/fixtures
export LC_ALL=C
# Variables that mean plain ld.so would spoil every expectation.
for variable in ${!LD_*} ${!MALLOC_*} ${!GLIBC_TUNABLES*} ${!DYLD_*}; do
    [[ $variable == DYLDCTL ]] || unset "$variable"
done

[[ -x $DYLDCTL ]] || { echo "Bail out! $DYLDCTL is missing: make all"; TAP_FINISHED=1; exit 1; }

# System programs that tests start from the cache or use to start others.
SYSTEM_PROGRAMS=(/usr/bin/env /usr/bin/bash /usr/bin/cat /usr/bin/setarch /usr/bin/setpriv /usr/bin/true /usr/bin/ls)

# One state directory with all fixtures, made by the first script that asks for it.
use_fixture_state() {
    local log=$ROOT/out/test-state/build.log programs
    mkdir -p "$ROOT/out/test-state"
    mapfile -t programs < <(fixture_programs)
    if ! flock "$ROOT/out/test-state/lock" "$DYLDCTL" --state "$STATE" build "${SYSTEM_PROGRAMS[@]}" \
        "${programs[@]}" >"$log" 2>&1; then
        diag "$(cat "$log")"
        echo "Bail out! building the cache for the fixtures failed"
        TAP_FINISHED=1
        exit 1
    fi
}

# Every dynamic executable of out/fixtures (shared objects have no PT_INTERP).
fixture_programs() {
    local file
    for file in "$FIX"/* "$FIX"/origin/bin/*; do
        has_interpreter "$file" && echo "$file"
    done
}

has_interpreter() { LC_ALL=C readelf -Wl "$1" 2>/dev/null | grep -q '^  INTERP'; }

# private_state PROGRAM...: a state directory of this script's own in $STATE, for tests that spoil things.
private_state() {
    STATE=$TAP_TMP/state.$((${PRIVATE_STATES:-0} + 1))
    PRIVATE_STATES=$((${PRIVATE_STATES:-0} + 1))
    at_exit quietly "$DYLDCTL" --state "$STATE" clean
    "$DYLDCTL" --state "$STATE" build "$@" >"$TAP_TMP/build.log" 2>&1 || {
        diag "$(cat "$TAP_TMP/build.log")"
        echo "Bail out! building a cache for $* failed"
        TAP_FINISHED=1
        exit 1
    }
}

# run_prebuilt COMMAND...: through the cache; its decision lines stay in stderr.
run_prebuilt() { "$DYLDCTL" --state "$STATE" run -- "$@"; }

# decision COMMAND...: what the last program that COMMAND executes was started by: "prebuilt",
# "jit REASON [DETAIL]", or "none" when no ld-dyld.so said anything. The program runs.
decision() {
    local line
    line=$(DYLD_PRINT_LOADERS=1 run_prebuilt "$@" 2>&1 >/dev/null </dev/null | grep -a '^dyld: ' | tail -n 1)
    decision_of "$line"
}

decision_of() { # LINE
    case $1 in
    "dyld: prebuilt "*) echo prebuilt ;;
    "dyld: "*) echo "${1#dyld: }" ;;
    *) echo none ;;
    esac
}

# Hook: a filter for output that differs between two plain runs too.
NORMALISE=(cat)
# Hook: what the program reads.
INPUT=/dev/null

# both EXPECTED DESCRIPTION COMMAND...: COMMAND gives the same exit code, output and errors both ways, and
# its last program was started as EXPECTED, an extended regex on decision()'s words; "any": not asked.
both() {
    local expected=$1 description=$2 plain=0 shared=0 got d=$TAP_TMP/both
    shift 2
    mkdir -p "$d"
    # Subshells that exec: a shell's word about a signal goes to this script's stderr, not among the program's.
    (exec env DYLD_PRINT_LOADERS=1 "$@") <"$INPUT" >"$d/plain.out" 2>"$d/plain.err" || plain=$?
    (exec env DYLD_PRINT_LOADERS=1 "$DYLDCTL" --state "$STATE" run -- "$@") \
        <"$INPUT" >"$d/shared.out" 2>"$d/shared.raw" || shared=$?
    got=$(decision_of "$(grep -a '^dyld: ' "$d/shared.raw" | tail -n 1)")
    grep -av '^dyld: ' "$d/shared.raw" >"$d/shared.err"
    local stream problems=""
    for stream in out err; do
        "${NORMALISE[@]}" <"$d/plain.$stream" >"$d/a" 2>&1
        "${NORMALISE[@]}" <"$d/shared.$stream" >"$d/b" 2>&1
        cmp -s "$d/a" "$d/b" || problems+=$(echo "$stream differs:"; diff -a "$d/a" "$d/b" | head -n 20)$'\n'
    done
    ((plain == shared)) || problems+="exit code $plain plain, $shared from the cache"$'\n'
    [[ $expected == any || $got =~ ^($expected)$ ]] || problems+="decision: got '$got', wanted '$expected'"$'\n'
    if [[ -z $problems ]]; then pass "$description"; else fail "$description" "$*"$'\n'"$problems"; fi
}
