#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# DYLD_USE_CLOSURES 0, 1 and 2 over the fixtures with a region in the kernel and interpreter substitution (6.1, in a guest).
# The tests are those of guest/closures.sh. Not there: sanitizers' programs, which want more memory than a guest has, and what
# needs a directory beside it.
cd "$(dirname "$0")/../.." || exit 1
. selftests/ctl/guest/boot.sh
files=()
for file in out/fixtures/*; do
    case ${file##*/} in
    *asan* | *tsan* | dfsan) continue ;;
    *.so) ;;
    *) LC_ALL=C readelf -Wl "$file" 2>/dev/null | grep -q '^  INTERP' || continue ;;
    esac
    files+=("$file=/opt/fix/${file##*/}")
done
boot_with closures 300 6.1 /usr/bin/{env,bash,sed,cat,grep,cut,true,cksum} /usr/lib/x86_64-linux-gnu/libstdc++.so.6 -- "${files[@]}"
