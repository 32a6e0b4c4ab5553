#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# One disk, started by two machines with different CPUs in turn (6.1, in guests): each gets what was built for its CPU. AT_HWCAP and
# XCR0 of the two are the same; one has AVX2, the other has not. The tests are those of guest/cpus.sh.
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/tap.sh
kernel=6.1
unset MAKEFLAGS MFLAGS
((EUID == 0)) || skip_all "needs root to make a root file system"
ok "the root file system is there" selftests/qemu/get-rootfs
tree=$TAP_TMP/tree
ok "make install" make -s install DESTDIR="$tree" PREFIX=/usr
((TAP_FAILED == 0)) || tap_done
find "$tree/usr/bin" "$tree/usr/lib/shared-region" -type f ! -name '*.bin' -exec strip {} +
install -D -t "$tree/test/lib" selftests/lib/tap.sh selftests/ctl/guest/guest.sh

boot() { # CPU PART
    selftests/qemu/run --log "out/qemu/$kernel/cpus-$2" --system --disk "$TAP_TMP/disk" --tree "$tree" --cpu "$1" --timeout 400 \
        "$kernel" "selftests/ctl/guest/cpus.sh $2" >"$TAP_TMP/stream" 2>"$TAP_TMP/errors" || TAP_FAILED=$((TAP_FAILED + 1))
    awk -v part="$2" -v count="$TAP_COUNT" '/^(not )?ok [0-9]+ - / { sub(/ok [0-9]+ - /, "ok " ++count " - " part ": ") } { print }' "$TAP_TMP/stream"
    TAP_COUNT=$((TAP_COUNT + $(grep -cE '^(not )?ok ' "$TAP_TMP/stream" || true)))
    [[ -s $TAP_TMP/stream ]] || fail "a guest with CPU $1 starts" "$(<"$TAP_TMP/errors")"
}
boot Haswell-noTSX new
boot IvyBridge other
boot Haswell-noTSX back
tap_done
