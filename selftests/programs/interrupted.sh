#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Builds that are killed or run out of space: the old generation stays in use, nothing half-written is read.
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/both_ways.sh

ctl() { "$DYLDCTL" --state "$STATE" "$@"; }
private_state "$FIX/hello" "$FIX/uses_lib"

# A program that the current generation does not have makes a build necessary.
new_program() { cp "$FIX/auxv" "$TAP_TMP/new.$1" && echo "$TAP_TMP/new.$1"; }

# How long does such a build take? The kills are spread over that time.
begin=$(date +%s%N)
ctl build "$(new_program 0)" >/dev/null 2>&1
build_ms=$((($(date +%s%N) - begin) / 1000000))
diag "a build takes $build_ms ms"

kills=${KILLS:-50}
problems="" killed=0
for ((i = 1; i <= kills; i++)); do
    program=$(new_program "$i")
    setsid "$DYLDCTL" --state "$STATE" build "$program" >/dev/null 2>&1 &
    job=$!
    sleep "$(printf '%d.%03d' $(((RANDOM % build_ms) / 1000)) $(((RANDOM % build_ms) % 1000)))"
    kill -9 -- "-$job" 2>/dev/null
    wait "$job" 2>/dev/null
    (($? == 137)) && killed=$((killed + 1))
    for old in "$FIX/hello" "$FIX/uses_lib"; do
        got=$(decision "$old")
        [[ $got == prebuilt ]] || problems+="after kill $i: $old: $got"$'\n'
    done
    rm -f "$program"
done
diag "$killed builds were killed before they ended"
is "$problems" "" "after each of $kills kills the programs of the old generation start from the cache"
ok "a build after the kills succeeds" ctl build "$(new_program last)"
is "$(decision "$TAP_TMP/new.last")" prebuilt "and its program starts from the cache"
left=$(find "$STATE" -name '*.tmp*' -o -name '.*' -type f | grep -v CACHEDIR | head)
is "$left" "" "no temporary file is left behind"
generations=$(find "$STATE/generations" -mindepth 1 -maxdepth 1 | wc -l)
ok "killed builds leave no heap of generations ($generations)" test "$generations" -le 3

# A full disk: the state directory is a tmpfs that has no room for a second generation.
if ((EUID != 0)) || ! unshare -m true 2>/dev/null; then
    skip "a full disk leaves the old generation in use" "no right to mount a tmpfs"
else
    full_disk='
        set -e
        mkdir -p "$1" && mount -t tmpfs -o size=64m,mode=755 small "$1"
        "$0" --state "$1" build "$2" >/dev/null 2>&1
        used=$(du -sk "$1" | cut -f1)
        mount -o remount,size=$((used + 64))k "$1"
        "$0" --state "$1" build "$3" && { echo "the build succeeded"; exit 9; }
        DYLD_PRINT_LOADERS=only "$0" --state "$1" run -- "$2"
        mount -o remount,size=64m "$1"
        "$0" --state "$1" build "$3" >/dev/null
        DYLD_PRINT_LOADERS=only "$0" --state "$1" run -- "$3"
        "$0" --state "$1" clean >/dev/null'
    output=$(unshare -m bash -c "$full_disk" "$DYLDCTL" "$TAP_TMP/small" "$FIX/hello" "$FIX/cxx" 2>&1)
    is "$?" 0 "a full disk fails the build, the old generation stays in use, and with room it works again"
    like "$output" 'No space left' "the error says that there is no space left"
    like "$output" "$TAP_TMP/small/[^ ]*(shared_cache|sets)[^ ]*: .*No space left" "and names the file that it was for"
    is "$(grep -c '^dyld: prebuilt' <<<"$output")" 2 "programs start from the cache before and after"
    # However small the disk is: the file that does not fit is blamed, never a library that is read.
    too_small='mkdir -p "$1" && mount -t tmpfs -o "size=$2k,mode=755" small "$1" && exec "$0" build --output "$1/out" "$3"'
    unnamed=""
    for kilobytes in 4 8 64 1024 3000 4000 5000 5500 6000 6100 6150; do
        output=$(unshare -m bash -c "$too_small" "$ROOT/out/bin/shared-cache" "$TAP_TMP/small" "$kilobytes" "$FIX/cxx" 2>&1) &&
            { diag "$kilobytes KiB are enough"; continue; }
        [[ $output =~ ^shared-cache:\ $TAP_TMP/small/out[^:]*:\ .*No\ space\ left ]] || unnamed+="$kilobytes KiB: $output"$'\n'
    done
    is "$unnamed" "" "the builder names the file in its output directory that a full disk cannot take"
fi
tap_done
