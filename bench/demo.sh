#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The demo: builds a cache for real programs of this machine, starts each both ways, compares exit code and
# output, and prints how long a start takes against ld.so. Changes nothing outside out/ but the activation in tmpfs,
# which it removes again.
#
#   bench/demo.sh ["PROGRAM ARGUMENT..."]...    (default: some usual ones)
set -euo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C

ctl=out/bin/dyldctl
state=$PWD/out/demo/state
results=$PWD/out/demo
empty=out/fixtures/empty
mkdir -p "$results"

# Program and the arguments that make it say who it is; those that are not installed are left out.
candidates=(
    "bash --version" "ls --version" "git --version" "perl --version" "python3 --version" "curl --version" "ssh -V"
    "gdb --version" "qemu-system-x86_64 --version" "clang --version"
)
(($# == 0)) || candidates=("$@")
commands=() paths=()
for candidate in "${candidates[@]}"; do
    read -r name arguments <<<"$candidate"
    if path=$(PATH=/usr/bin:/usr/sbin command -v "$name"); then
        commands+=("$path $arguments")
        paths+=("$path")
    else
        echo "left out: $name is not installed"
    fi
done

echo "== dyldctl build: ${#paths[@]} programs"
trap '"$ctl" --state "$state" clean >/dev/null' EXIT
"$ctl" --state "$state" build "${paths[@]}" "$empty"

echo
echo "== each program both ways: exit code, output and errors"
failed=0 direct=0
for command in "${commands[@]}"; do
    read -ra words <<<"$command"
    plain=0 shared=0
    "${words[@]}" </dev/null >"$results/plain.out" 2>"$results/plain.err" || plain=$?
    # Quiet: where no mount namespace is allowed, a note would be among the program's errors.
    "$ctl" --state "$state" --quiet run -- "${words[@]}" </dev/null >"$results/shared.out" 2>"$results/shared.err" || shared=$?
    verdict="same"
    if ((plain != shared)) || ! cmp -s "$results"/{plain,shared}.out || ! cmp -s "$results"/{plain,shared}.err; then
        verdict="DIFFERENT"
        failed=1
    fi
    how=$("$ctl" --state "$state" why "${words[0]}" | head -n 1) || true
    case $how in
    prebuilt*) ;;
    direct*) direct=1 ;;
    *) failed=1 ;;
    esac
    printf '  %-32s exit code %d, %s; %s\n' "$(basename "${words[0]}") ${words[*]:1}" "$shared" "$verdict" "$how"
done
if ((failed)); then
    echo "demo: at least one program was different or was not started from the cache" >&2
    exit 1
fi
if ((direct)); then
    echo "demo: no private mount namespace is allowed here (container?), so ld-dyld.so was started directly: programs"
    echo "run as ever, but not from the cache, and there is no start-up time to compare"
    exit 0
fi

echo
echo "== start-up time, from the cache against ld.so (less is better)"
"$ctl" --state "$state" bench --chart "$results/start-ratio.svg" "$empty" "${commands[@]}"
