#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Measures and writes docs/performance.md and README's chart: `bench/report.sh [-n RUNS]`. Needs `make all fixtures`, root, and a
# machine that does nothing else; takes some minutes. State goes below out/.
set -euo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C

runs=300
while getopts n: option; do
    case $option in
    n) runs=$OPTARG ;;
    *) exit 2 ;;
    esac
done

ctl=$PWD/out/bin/dyldctl
work=$PWD/out/report
page=docs/performance.md
mkdir -p "$work"

# The programs of the table, with what makes them end at once.
commands=("out/fixtures/empty" "/usr/bin/bash --version" "/usr/bin/python3 --version" "/usr/bin/perl --version"
    "/usr/bin/git --version" "/usr/bin/curl --version" "/usr/bin/ssh -V" "/usr/bin/qemu-system-x86_64 --version"
    "/usr/bin/clang --version")
present=() paths=()
for command in "${commands[@]}"; do
    if [[ -x ${command%% *} ]]; then
        present+=("$command")
        paths+=("${command%% *}")
    fi
done

machine() {
    echo "Machine: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) processors," \
        "$(awk '/MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo); Linux $(uname -r | cut -d- -f1);" \
        "$(ldd --version | head -n 1 | sed 's/^ldd //'); load when measured: $(cut -d' ' -f1 /proc/loadavg)."
}

# measure_build STATE PROGRAM...: "SECONDS PEAK_MIB" of one dyldctl build
measure_build() {
    python3 - "$ctl" --state "$1" build --quiet "${@:2}" <<'PYTHON'
import resource, subprocess, sys, time
begin = time.monotonic()
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"{time.monotonic() - begin:.1f} {usage.ru_maxrss / 1024:.0f}")
PYTHON
}

ratio_rows() { # JSON
    jq -r '.results[] | [(.arguments | join(" ") | sub("^.*/(?<n>[^/ ]+)"; .n)),
        (.decision | split(" ")[0]),
        (.plain.microseconds.median | round), (.shared.microseconds.median | round), (.ratio * 100 | round / 100),
        ((.paired_ratio.quartiles | map(. * 100 | round / 100 | tostring)) | join(" to ")),
        "\(.plain.minor_faults) / \(.shared.minor_faults)",
        "\(.plain.system_calls_before_entry) / \(.shared.system_calls_before_entry)"] | "| " + (map(tostring) | join(" | ")) + " |"' "$1"
}

# Bars: 40 columns are what plain ld.so takes.
chart() { # JSON
    jq -r 'def left(n): . + " " * ([n - length, 0] | max); def right(n): " " * ([n - length, 0] | max) + .;
        def ms: . / 100 | round / 10 | tostring | if contains(".") then . else . + ".0" end;
        def bar: if . > 0 then "#" * . else "" end;
        .results[] | select(.decision | startswith("prebuilt")) |
        (.arguments | join(" ") | sub("^.*/(?<n>[^/ ]+)"; .n) | sub(" -.*"; "") | left(20)) +
        (.plain.microseconds.median | ms | right(5)) + " ms -> " + (.shared.microseconds.median | ms | right(4)) + " ms  " +
        (.ratio as $r | ($r * 40 | round | bar | left(42)) + ($r * 100 | round | tostring | right(2)) + "%")' "$1"
}

# Replaces what stands between the lines "```chart" and "```" of README.md.
write_chart() { # JSON
    chart "$1" >"$work/chart"
    sed -i -e '/^```chart$/,/^```$/{/^```/!d}' -e "/^\`\`\`chart\$/r $work/chart" README.md
}

echo "report: start times" >&2
state=$work/state
trap '"$ctl" --state "$state" clean >/dev/null 2>&1; "$ctl" --state "$work/large" clean >/dev/null 2>&1' EXIT
"$ctl" --state "$state" build --quiet "${paths[@]}" >/dev/null
# Each right after an activation, which brings the text into large pages: kernels that reclaim cold page cache would
# break up that of the later ones meanwhile.
large=""
for i in "${!present[@]}"; do
    "$ctl" --state "$state" activate >/dev/null
    large+=$("$ctl" --state "$state" status | sed -n 's/^text *//p')$'\n'
    "$ctl" --state "$state" bench -n "$runs" --json "${present[i]}" >"$work/bench-$i.json"
done
large=$(sort <<<"${large%$'\n'}" | head -n 1) # the worst
jq -s '.[0] + {results: (map(.results) | add)}' "$work"/bench-?.json >"$work/bench.json"
# An empty main that was not built: what a fallback costs.
"$ctl" --state "$state" bench -n $((runs * 2)) --json out/fixtures/empty_other >"$work/fallback.json"

echo "report: builds" >&2
mapfile -t programs < <(find /usr/bin /usr/sbin -xdev -type f -perm -u+x ! -perm /6000 -print0 | sort -z |
    while IFS= read -r -d '' file; do
        [[ $(head -c 4 "$file" | tr -d '\0') == $'\x7fELF' ]] && readelf -Wl "$file" 2>/dev/null |
            grep -q '^  INTERP' && echo "$file"
    done)
sample=("${programs[@]:0:500}")
read -r build_seconds build_mib < <(measure_build "$work/large" "${sample[@]}")
read -r again_seconds _ < <(measure_build "$work/large" "${sample[@]}")
built=$("$ctl" --state "$work/large" list | grep -c '^prebuilt')

{
    cat <<HEADER
# Performance

Written by \`bench/report.sh\`; do not edit by hand, but for the section "Kernel module". Each program is started alternately by plain ld.so and from the cache,
pinned to one processor, by the same spawner; figures are medians of $runs starts each. Method: \`bench/compare.h\`.

$(machine)

## Start time

| program | decision | ld.so, us | cache, us | ratio | quartiles of paired ratios | minor faults | calls before entry |
|---|---|---|---|---|---|---|---|
$(ratio_rows "$work/bench.json")

Command: \`dyldctl bench -n $runs --json PROGRAM...\`. Text when measured: $large (a kernel that reclaims cold page cache
brings it back in small pages until the next \`dyldctl activate\`: more faults, higher ratios).

## Fallback

| program | decision | ld.so, us | through ld-dyld.so, us | ratio | quartiles of paired ratios | minor faults | calls before entry |
|---|---|---|---|---|---|---|---|
$(ratio_rows "$work/fallback.json")

## Building

| what | figure |
|---|---|
| generation for ${#sample[@]} programs of /usr/bin and /usr/sbin ($built captured) | $build_seconds s, peak RSS of the largest process $build_mib MiB |
| the same again, nothing changed | $again_seconds s |
HEADER
    if [[ -s out/test-state/sweep-results/results ]]; then
        cat <<SWEEP

## Sweep

\`selftests/programs/sweep.sh\`: $(wc -l <out/test-state/sweep-results/results) programs started with \`--version\`,
$(grep -c ' prebuilt ' out/test-state/sweep-results/results) from the cache, $(grep -c '^differs' out/test-state/sweep-results/results || true) different from plain.
SWEEP
    fi
} >"$work/performance.md"
# The module's figures come from QEMU guests (the section says how), not from here.
{ echo; sed -n '/^## Kernel module/,$p' "$page"; } >>"$work/performance.md"
mv "$work/performance.md" "$page"
write_chart "$work/bench.json"
echo "report: wrote $page" >&2
