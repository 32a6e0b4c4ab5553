#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What libdyldshim.so gains and costs: `bench/shim.sh [-n ROUNDS]`; prints rows for docs/performance.md. Needs `make all`.
# With and without in turn, pinned to one processor; medians, and the quartiles of the ratios of neighbours.
set -euo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=${LC_ALL:-C}
unset LD_PRELOAD

rounds=9
while getopts n: option; do
    case $option in
    n) rounds=$OPTARG ;;
    *) exit 2 ;;
    esac
done

ctl=$PWD/out/bin/dyldctl
work=$PWD/out/bench-shim
state=$work/state
shim=$state/libdyldshim.so
empty=$PWD/out/lib/empty
mkdir -p "$work"
trap '"$ctl" --state "$state" clean >/dev/null' EXIT
"$ctl" --state "$state" build --shim "$empty" /usr/bin/{bash,dash,ls,cat,date,grep,sed,expr,sort,head,wc,true,uname,basename,env,cut,tr,mkdir,rm,id,python3} >/dev/null

# 500 small commands, as scripts use them.
cat >"$work/loop.sh" <<'LOOP'
directory=$1 n=0
while [ $n -lt 25 ]; do
    n=$((n + 1))
    ls -d / >/dev/null
    cat /etc/hostname >/dev/null
    date +%s >/dev/null
    grep -q root /etc/passwd
    sed -n 1p /etc/passwd >/dev/null
    expr $n + 1 >/dev/null
    printf 'b\na\n' | sort >/dev/null
    head -n 1 /etc/passwd >/dev/null
    wc -l /etc/passwd >/dev/null
    uname -s >/dev/null
    basename /usr/bin/env >/dev/null
    printf 'a:b\n' | cut -d: -f1 >/dev/null
    printf 'a\n' | tr a b >/dev/null
    mkdir "$directory/$n"
    rm -r "$directory/$n"
    id -u >/dev/null
    env true
    sh -c :
    bash -c :
done
LOOP

# alternately ROUNDS LABEL REPEAT A B: commands A and B (strings), each REPEAT times per round.
alternately() {
    python3 - "$@" <<'PYTHON'
import os, statistics, sys, time

rounds, label, repeat = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

def environment(words):
    chosen = dict(os.environ)
    while words and "=" in words[0] and not words[0].startswith("/"):
        name, value = words.pop(0).split("=", 1)
        chosen[name] = value
    return words, chosen

null = [(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)]

def run(command):
    argv, chosen = environment(command.split())
    wall = cpu = 0
    for _ in range(repeat):
        begin = time.monotonic()
        _, status, usage = os.wait4(os.posix_spawn(argv[0], argv, chosen, file_actions=null), 0)
        wall += time.monotonic() - begin
        cpu += usage.ru_utime + usage.ru_stime
        if status:
            sys.exit(f"{command}: status {status}")
    return wall / repeat, cpu / repeat

pairs = [[run(command) for command in sys.argv[4:6]] for _ in range(rounds)]
first, second = ([pair[side][0] for pair in pairs] for side in (0, 1))
ratios = sorted(b / a for a, b in zip(first, second))
quartiles = statistics.quantiles(ratios, n=4)
cpu = statistics.median(p[1][1] for p in pairs) / statistics.median(p[0][1] for p in pairs)
a, b = statistics.median(first), statistics.median(second)
unit, factor = ("ms", 1e3) if a > 0.01 else ("us", 1e6)
print(f"| {label} | {a * factor:.0f} {unit} | {b * factor:.0f} {unit} | {b / a:.2f} | "
      f"{quartiles[0]:.2f} to {quartiles[2]:.2f} | {min(second) / min(first):.2f} | {cpu:.2f} |")
PYTHON
}

echo "| what | without, median | with, median | ratio | quartiles of paired ratios | ratio of the shortest | ratio of processor time |"
echo "|---|---|---|---|---|---|---|"
for shell in dash bash; do
    alternately "$rounds" "$shell: a loop of 500 small commands" 1 \
        "/usr/bin/$shell $work/loop.sh $work" "LD_PRELOAD=$shim /usr/bin/$shell $work/loop.sh $work"
done
alternately $((rounds * 20)) "empty main in the tree: sets with and without the shim" 5 \
    "$state/ld-dyld.so --argv0 empty $empty" "LD_PRELOAD=$shim $state/ld-dyld.so --argv0 empty $empty"
alternately $((rounds * 20)) "empty main in the tree against plain ld.so without the shim" 5 \
    "$empty" "LD_PRELOAD=$shim $state/ld-dyld.so --argv0 empty $empty"
alternately $((rounds * 20)) "empty main, plain ld.so: LD_PRELOAD alone" 5 "$empty" "LD_PRELOAD=$shim $empty"
alternately $((rounds * 5)) "python3 -S -c pass, plain ld.so: LD_PRELOAD alone" 2 \
    "/usr/bin/python3 -S -c pass" "LD_PRELOAD=$shim /usr/bin/python3 -S -c pass"
