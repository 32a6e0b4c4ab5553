#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every fuzz target of out/fuzz, a fixed number of runs from a fixed seed: a smoke test, not a hunt.
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/tap.sh

runs=${FUZZ_RUNS:-20000}
targets=(out/fuzz/*_fuzz)
[[ -x ${targets[0]} ]] || { echo "Bail out! no fuzz targets in out/fuzz: make tests"; TAP_FINISHED=1; exit 1; }

# Seeds: real objects, cut to what libFuzzer handles well, and small files of our formats.
mkdir -p "$TAP_TMP/seeds"
for object in out/fixtures/empty out/fixtures/libfixture.so out/fixtures/uses_lib_nonpie; do
    head -c 65536 "$object" >"$TAP_TMP/seeds/$(basename "$object")"
done
head -c 700 out/fixtures/empty >"$TAP_TMP/seeds/headers"
ok "seeds: a small file of every format" out/fuzz/make_seeds "$TAP_TMP/seeds"

for target in "${targets[@]}"; do
    name=$(basename "$target")
    mkdir -p "$TAP_TMP/$name"
    ok "$name: $runs runs" "$target" -runs="$runs" -seed=1 -max_len=65536 -rss_limit_mb=2048 -timeout=20 \
        -artifact_prefix="$TAP_TMP/$name/" "$TAP_TMP/$name" "$TAP_TMP/seeds"
done
tap_done
