# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Starting a tree of processes with and without libdyldshim.so, and comparing. Source it from a test script whose
# working directory is the tree's root; it sources both_ways.sh.

. selftests/lib/both_ways.sh

# shim_state PROGRAM...: a state directory in $STATE whose sets are for the shim too; $SHIM is what to preload.
shim_state() {
    private_state --shim "$@"
    SHIM=$STATE/libdyldshim.so
}

# in_tree COMMAND...: with the shim. The first program is started by this shell, plainly; what it executes is
# started by the shim.
in_tree() { env LD_PRELOAD="$SHIM" DYLD_PRINT_LOADERS=1 "$@"; }

# How many programs below COMMAND started prebuilt.
count_prebuilt() { in_tree "$@" 2>&1 >/dev/null </dev/null | grep -ac '^dyld: prebuilt '; }

# What a program prints, less the two variables that make the difference.
without_tree() { grep -avE '^env (LD_PRELOAD|DYLD_PRINT_LOADERS)='; }

# same COUNT DESCRIPTION COMMAND...: COMMAND gives the same exit code, output and errors with and without the shim,
# and with it COUNT programs started prebuilt ("some": at least one).
same() {
    local expected=$1 description=$2 plain=0 shared=0 count d=$TAP_TMP/same problems="" stream
    shift 2
    mkdir -p "$d"
    (exec "$@") <"$INPUT" >"$d/plain.out" 2>"$d/plain.err" || plain=$?
    (exec env LD_PRELOAD="$SHIM" DYLD_PRINT_LOADERS=1 "$@") <"$INPUT" >"$d/shared.out" 2>"$d/shared.raw" || shared=$?
    count=$(grep -ac '^dyld: prebuilt ' "$d/shared.raw")
    grep -av '^dyld: ' "$d/shared.raw" >"$d/shared.err"
    for stream in out err; do
        without_tree <"$d/plain.$stream" | "${NORMALISE[@]}" >"$d/a" 2>&1
        without_tree <"$d/shared.$stream" | "${NORMALISE[@]}" >"$d/b" 2>&1
        cmp -s "$d/a" "$d/b" || problems+=$(echo "$stream differs:"; diff -a "$d/a" "$d/b" | head -n 20)$'\n'
    done
    ((plain == shared)) || problems+="exit code $plain plain, $shared with the shim"$'\n'
    [[ $expected == "$count" || ($expected == some && $count -gt 0) ]] ||
        problems+="$count programs prebuilt, not $expected; $(grep -a '^dyld: jit' "$d/shared.raw" | head -n 3)"$'\n'
    if [[ -z $problems ]]; then pass "$description"; else fail "$description" "$*"$'\n'"$problems"; fi
}
