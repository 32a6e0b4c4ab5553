#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the commands do with bad input: an error that names the file and says what to do, never a crash, and
# good programs are built all the same.
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/both_ways.sh

ctl() { "$DYLDCTL" --state "$STATE" "$@"; }
# fails_with STATUS REGEX DESCRIPTION COMMAND...: that exit status and a message like REGEX
fails_with() {
    local wanted=$1 regex=$2 description=$3 output status=0
    shift 3
    output=$("$@" 2>&1 </dev/null) || status=$?
    if [[ $status =~ ^($wanted)$ && $output =~ $regex ]]; then
        pass "$description"
    else
        fail "$description" "$* -> status $status, wanted $wanted and '$regex'"$'\n'"$output"
    fi
}

STATE=$TAP_TMP/none
at_exit quietly "$DYLDCTL" --state "$TAP_TMP/state" clean

# The command line
fails_with 2 '.' "no subcommand is a usage error" "$DYLDCTL"
fails_with 2 '.' "an unknown subcommand is a usage error" ctl frobnicate
fails_with 2 '.' "build without a program is a usage error" ctl build
fails_with 2 '.' "run without a program is a usage error" ctl run
ok "--help is no error" "$DYLDCTL" --help
for command in build run why status list show clean bench; do
    ok "$command --help is no error" "$DYLDCTL" "$command" --help
done

# Nothing built yet
fails_with 125 'build' "run before any build says that there is none" ctl run -- "$FIX/hello"
fails_with '1|3' '^no-cache' "why before any build says no-cache" ctl why "$FIX/hello"
fails_with '0|1' '.' "status before any build is an answer" ctl status
ok "clean of nothing is no error" ctl clean

# State directories that cannot be
STATE=$TAP_TMP/file
echo text >"$STATE"
fails_with 1 "$STATE" "a file as state directory is refused" ctl build "$FIX/hello"
is "$(cat "$STATE")" text "and left alone"
STATE=$TAP_TMP/foreign
mkdir "$STATE" && echo precious >"$STATE/file"
fails_with 1 'nothing removed|not' "clean does not touch a directory that is not dyldctl's" ctl clean
is "$(cat "$STATE/file")" precious "and left alone"
STATE=/proc/shared-region
fails_with 1 '/proc' "a state directory that cannot be made is named" ctl build "$FIX/hello"

# Programs that are none
STATE=$TAP_TMP/state
fails_with 1 'missing' "a missing program is named" ctl build "$TAP_TMP/missing"
fails_with 127 'missing' "run of a missing program is exit code 127" ctl run -- "$TAP_TMP/missing"
echo 'not a program' >"$TAP_TMP/text"
fails_with '1' 'text' "a text file is named" ctl build "$TAP_TMP/text"

mkdir "$TAP_TMP/bad"
size=$(stat -c %s "$FIX/uses_lib")
for length in 0 1 4 16 63 64 120 500 4096 9000 $((size - 1)); do
    head -c "$length" "$FIX/uses_lib" >"$TAP_TMP/bad/short.$length"
done
# One byte of each header field and of the dynamic section set to 0xff.
dynamic=$((16#$(readelf -lW "$FIX/uses_lib" | sed -n 's/^  DYNAMIC *0x0*\([0-9a-f]*\) .*/\1/p')))
for position in 4 5 6 16 18 24 32 39 40 52 54 56 58 60 62 64 68 72 79 80 96 104 119 \
    $((dynamic)) $((dynamic + 8)) $((dynamic + 24)) $((dynamic + 47)) $((dynamic + 64)) $((dynamic + 152)); do
    cp "$FIX/uses_lib" "$TAP_TMP/bad/flip.$position"
    printf '\xff' | dd of="$TAP_TMP/bad/flip.$position" bs=1 seek="$position" conv=notrunc status=none
done
head -c 20000 /dev/urandom >"$TAP_TMP/bad/noise"
{ head -c 64 "$FIX/uses_lib"; head -c 20000 /dev/urandom; } >"$TAP_TMP/bad/noise-behind-header"
cp "$FIX/libfixture.so" "$TAP_TMP/bad/"
cp "$FIX/static" "$FIX/hello" "$TAP_TMP/bad/"
chmod 755 "$TAP_TMP/bad"/*
status=0
timeout 300 "$DYLDCTL" --state "$STATE" build "$TAP_TMP/bad" >"$TAP_TMP/bad.log" 2>&1 || status=$?
if ((status < 124)); then pass "a directory of broken programs does not bring the build down"; else
    fail "a directory of broken programs does not bring the build down" "status $status"$'\n'"$(tail -n 20 "$TAP_TMP/bad.log")"; fi
is "$(decision "$TAP_TMP/bad/hello" 2>&1)" prebuilt "the good program among them is built"

# What can be built but not captured: a program whose library is missing.
mkdir "$TAP_TMP/alone" && cp "$FIX/uses_lib" "$TAP_TMP/alone/"
fails_with 3 'rejected: .*uses_lib: missing-library' "dyldctl build ends with 3 if no named program was captured" \
    ctl build "$TAP_TMP/alone/uses_lib"
fails_with 3 'nothing changed' "also if that was known before" ctl build "$TAP_TMP/alone/uses_lib"
fails_with 0 'rejected: .*uses_lib: missing-library' "and with 0 if one was" ctl build "$TAP_TMP/alone/uses_lib" "$FIX/auxv"
builder=out/bin/shared-cache
fails_with 3 '0 of 1 programs' "shared-cache build ends with 3 if every program was rejected" \
    "$builder" build --output "$TAP_TMP/none-captured" "$TAP_TMP/alone/uses_lib"
fails_with 0 '1 of 2 programs' "and with 0 if one was captured" \
    "$builder" build --output "$TAP_TMP/one-captured" "$TAP_TMP/alone/uses_lib" "$FIX/hello"
fails_with 1 'none/such' "and with 1 if the build failed" "$builder" build --output "$TAP_TMP/none/such" "$FIX/hello"
fails_with 2 'output' "and with 2 for a wrong command line" "$builder" build "$FIX/hello"
ctl build --only "$TAP_TMP/bad" >/dev/null 2>&1

# Libraries that are broken: the program cannot run, so it has no set, and the others are built.
mkdir "$TAP_TMP/libs"
cp "$FIX/uses_lib" "$TAP_TMP/libs/"
for position in 0 18 32 56 64 "$(stat -c %s "$FIX/libfixture.so")"; do
    head -c "$position" "$FIX/libfixture.so" >"$TAP_TMP/libs/libfixture.so"
    status=0
    timeout 60 "$DYLDCTL" --state "$STATE" build "$TAP_TMP/libs/uses_lib" "$FIX/hello" >"$TAP_TMP/libs.log" 2>&1 || status=$?
    ((status < 124)) || break
done
if ((status < 124)); then pass "truncated libraries do not bring the build down"; else
    fail "truncated libraries do not bring the build down" "status $status at $position"$'\n'"$(tail -n 20 "$TAP_TMP/libs.log")"; fi

# JSON is JSON
ctl build "$FIX/hello" "$FIX/uses_lib" >/dev/null 2>&1
for command in status list "show $FIX/hello" "why $FIX/hello"; do
    read -ra words <<<"$command"
    ok "${words[0]} --json is JSON" bash -c '"$0" --state "$1" --json "${@:2}" | jq -e . >/dev/null' "$DYLDCTL" "$STATE" "${words[@]}"
done
like "$(ctl why "$FIX/hello")" '^prebuilt' "why says prebuilt in its first word"
like "$(ctl why "$FIX/static" 2>&1)" '^[a-z-]+' "why of a static program has a first word"
like "$(ctl show "$FIX/uses_lib")" 'libfixture.so' "show lists the program's libraries"
like "$(ctl list)" "$FIX/hello" "list names the programs"
not_ok "show of a program that is not in the cache fails" ctl show /usr/bin/perl

# A second build that changes nothing
begin=$(date +%s%N)
ctl build "$FIX/hello" "$FIX/uses_lib" >/dev/null 2>&1
elapsed=$((($(date +%s%N) - begin) / 1000000))
ok "a build that changes nothing takes at most 3 s ($elapsed ms)" test "$elapsed" -le 3000
generation=$(readlink "$STATE/current")
ctl build "$FIX/hello" "$FIX/uses_lib" >/dev/null 2>&1
is "$(readlink "$STATE/current")" "$generation" "and leaves the generation as it is"
tap_done
