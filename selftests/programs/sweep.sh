#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `PROGRAM --version </dev/null` for every dynamic program of /usr/bin and /usr/sbin, also those that links name (clang,
# java), from the cache against
# plain: same exit code and output, but for what also differs between two plain runs. Each runs in
# selftests/lib/sandbox without capabilities and for a few seconds only, so whatever --version means to it, the
# machine stays as it is; no program has to be left out.
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/both_ways.sh
((EUID == 0)) || skip_all "needs root: makes namespaces and read-only mounts"

STATE=$ROOT/out/test-state/sweep
export DYLDCTL STATE SWEEP=$ROOT/out/test-state/sweep-results LIMIT=${SWEEP_SECONDS:-5}
rm -rf "$SWEEP"
mkdir -p "$SWEEP"

all_programs() { # every regular file with PT_INTERP, and what links name elsewhere, once each
    find /usr/bin /usr/sbin -xdev '(' -type f -o -type l ')' -print0 | xargs -0 realpath -qez | sort -zu |
        while IFS= read -r -d '' file; do
            [[ -f $file && -x $file ]] || continue
            [[ $(head -c 4 "$file" | tr -d '\0') == $'\x7fELF' ]] && has_interpreter "$file" && echo "$file"
        done
}
all_programs >"$SWEEP/programs"
mapfile -t programs <"$SWEEP/programs"
total=${#programs[@]}

started=$SECONDS
ok "one generation for all $total programs builds" "$DYLDCTL" --state "$STATE" build "${programs[@]}"
at_exit quietly "$DYLDCTL" --state "$STATE" clean
diag "build: $((SECONDS - started)) s"

started=$SECONDS
selftests/lib/sandbox "$SWEEP" xargs -a "$SWEEP/programs" -d '\n' -n 1 -P "$(nproc)" \
    "$ROOT/selftests/programs/sweep-one" >"$SWEEP/log" 2>&1
diag "sweep: $((SECONDS - started)) s"

is "$(wc -l <"$SWEEP/results")" "$total" "every program was tried"
differing=$(grep -c '^differs' "$SWEEP/results")
is "$differing" 0 "every program does the same from the cache"
grep '^differs' "$SWEEP/results" | while read -r _ decision program; do
    diag "$program ($decision)" "$(for s in out err rc; do
        diff -a "$SWEEP/runs/${program//\//_}/"{plain,shared}."$s" | head -n 6; done)"
done
diag "decisions:" "$(cut -d' ' -f2 "$SWEEP/results" | sort | uniq -c)"

# A set-user-ID or set-group-ID program that gives this caller other rights (AT_SECURE) never starts from the
# cache; of all others nearly all must. (For root, one that belongs to root gives nothing.)
gives_rights() { # PROGRAM
    [[ -u $1 && $(stat -c %u "$1") != "$(id -u)" || -g $1 && $(stat -c %g "$1") != "$(id -g)" ]]
}
set_id=0 prebuilt=0 others=""
while read -r _ decision program; do
    if gives_rights "$program"; then
        set_id=$((set_id + 1))
        [[ $decision == prebuilt ]] && others+="$program gives rights but is prebuilt"$'\n'
    elif [[ $decision == prebuilt ]]; then
        prebuilt=$((prebuilt + 1))
    else
        others+="$program: $decision: $("$DYLDCTL" --state "$STATE" why "$program" 2>&1 | head -n 1)"$'\n'
    fi
done <"$SWEEP/results"
[[ -z $others ]] || diag "$others"
served=$((total - set_id))
if ((prebuilt * 100 >= served * 99)); then
    pass "at least 99% of the programs start from the cache ($prebuilt of $served; $set_id set-user-ID programs that give rights)"
else
    fail "at least 99% of the programs start from the cache ($prebuilt of $served; $set_id set-user-ID programs that give rights)"
fi
unlike "$others" 'gives rights' "no program that gives other rights starts from the cache"
rejected=$("$DYLDCTL" --state "$STATE" list | grep -v '^prebuilt' | awk 'NF < 2')
is "$rejected" "" "every program without a set has a reason"

# The largest set lies behind what a start maps of the region file at once: also the reason that names a file of it
# must be readable.
read -r largest library < <("$ROOT/out/bin/shared-cache" dump --json --sets "$STATE/current/sets" |
    jq -r '[.programs[] | select(.set)] | max_by(.set.size) | "\(.path) \(.set.libraries[0])"')
size=$(stat -Lc %s "$STATE/active/region")
((size > 32 << 20)) || diag "the region file has only $size bytes"
cp "$library" "$TAP_TMP/other-file"
# shellcheck disable=SC2016 # expanded by the inner shell
is "$(unshare -m bash -c 'mount --bind "$1" "$2" && shift 2 && DYLD_PRINT_LOADERS=only exec "$@"' bash \
    "$TAP_TMP/other-file" "$library" "$DYLDCTL" --state "$STATE" run -- "$largest" 2>&1)" \
    "dyld: jit library-changed $library" "the program with the largest set ($largest) tells which library changed"
tap_done
