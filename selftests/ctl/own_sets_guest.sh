#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Users' own sets beside a region in the kernel (6.1, in a guest): they start by the file backend, and where one that
# comes first is damaged, the kernel's region serves the program again. The tests are those of guest/own_sets.sh.
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/tap.sh
kernel=6.1
unset MAKEFLAGS MFLAGS
if ! output=$(make --no-print-directory kmod KERNEL=$kernel 2>&1); then
    fail "the module builds" "$output"
    tap_done
fi
commands=(out/bin/dyldctl out/bin/shared-cache out/bin/make-ld-dyld /usr/bin/setpriv /usr/bin/cut /usr/bin/env /usr/bin/bash /usr/bin/sed /usr/bin/mv)
files=(--file /etc/ld.so.cache --file out/fixtures/hello=/opt/hello --file selftests/ctl/guest/own_sets.sh=/opt/own_sets.sh)
for file in "${commands[@]}"; do
    files+=(--file "$(readlink -f "$file")=/usr/bin/$(basename "$file")")
done
for file in out/lib/dyld-*.bin out/lib/libdyldshim.so; do
    files+=(--file "$file=/usr/lib/$(basename "$file")")
done
mapfile -t libraries < <(ldd "${commands[@]}" out/lib/libdyldshim.so | grep -oE '/[^ ]+\.so[^ ]*' | sort -u)
for file in "${libraries[@]}"; do
    [[ $file == *: ]] || files+=(--file "$file")
done
TAP_FINISHED=1
rm -rf "$TAP_TMP"
trap - EXIT
exec selftests/qemu/run --plan --timeout 300 --log "out/qemu/$kernel/own_sets" --module "out/kmod/$kernel/shared_region.ko" "${files[@]}" \
    "$kernel" '/usr/bin/bash /opt/own_sets.sh'
