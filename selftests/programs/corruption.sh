#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A generation with any wrong byte, a truncated one or a longer one: activation refuses it and says where;
# programs still start. The sample of positions covers every header field and every kind of page.
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/both_ways.sh
private_state "$FIX/hello" "$FIX/uses_lib"

ctl() { "$DYLDCTL" --state "$STATE" "$@"; }
flip() { # FILE POSITION: inverts that byte
    local byte
    byte=$(od -An -tu1 -j "$2" -N 1 "$1")
    # shellcheck disable=SC2059 # the format is the byte
    printf "$(printf '\\x%02x' $((byte ^ 255)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
# refused FILE: whether activation says no and names an offset; the program must still start
problems=""
refused() { # FILE WHAT
    local output status=0
    ctl deactivate >/dev/null 2>&1
    output=$(ctl activate 2>&1) || status=$?
    if ((status == 0 || status >= 124)); then
        problems+="$1 $2: activation ended with $status: $output"$'\n'
    elif [[ ! $output =~ $1 || ! $output =~ offset\ 0x ]]; then
        problems+="$1 $2: message names no file or offset: $output"$'\n'
    fi
    [[ $(run_prebuilt "$FIX/hello" 0 2>/dev/null | head -n 1) == 2\ arguments* ]] || problems+="$1 $2: the program did not start"$'\n'
}
report() { # DESCRIPTION
    if [[ -z $problems ]]; then pass "$1"; else fail "$1" "$(head -c 3000 <<<"$problems")"; fi
    problems=""
}

for name in shared_cache sets; do
    file=$STATE/current/$name
    good=$TAP_TMP/$name
    cp -a "$file" "$good"
    size=$(stat -c %s "$file")
    # Headers field by field (shared_cache's CacheHeader begins at 0x200), then pages of every kind.
    if [[ $name == shared_cache ]]; then headers=$(seq 0 8 63; seq 512 8 900); else headers=$(seq 0 8 700); fi
    for position in $headers; do
        flip "$file" "$position"
        refused "$name" "byte $position"
        flip "$file" "$position"
    done
    report "$name: a flipped byte in any header field is refused"
    for ((i = 1; i <= 40; i++)); do
        position=$((size * i / 41 / 4096 * 4096 + i * 97 % 4096))
        flip "$file" "$position"
        refused "$name" "byte $position"
        flip "$file" "$position"
    done
    flip "$file" $((size - 1))
    refused "$name" "last byte"
    flip "$file" $((size - 1))
    report "$name: a flipped byte in any part of the body is refused"
    ok "$name: every flip was undone" cmp "$file" "$good"
    for length in 0 1 512 4095 4096 $((size / 2)) $((size - 1)); do
        truncate -s "$length" "$file"
        refused "$name" "cut to $length"
        cp "$good" "$file"
    done
    echo >>"$file"
    refused "$name" "one byte longer"
    cp -a "$good" "$file"
    report "$name: a file of another length is refused"
done
ok "the undamaged generation activates" ctl activate
is "$(decision "$FIX/hello")" prebuilt "and programs start from it"
tap_done
