#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# dyldctl --root with the kernel module (6.1, in a guest): each root directory has its own region and its own interpreter
# pair. The tests are those of guest/root.sh.
cd "$(dirname "$0")/../.." || exit 1
. selftests/ctl/guest/boot.sh
. selftests/lib/bits32.sh
mkdir -p out/test-state/bits32 && make_bits32 out/test-state/bits32 /opt/ld32
boot_with root 300 6.1 /usr/bin/{env,bash,cut,sed,grep,cp,mount,umount,unshare,jq,true} /usr/sbin/chroot -- \
    out/fixtures/uses_lib=/opt/uses_lib out/fixtures/libfixture.so=/opt/libfixture.so \
    out/fixtures/other/libfixture.so=/opt/other/libfixture.so out/fixtures/hello=/opt/hello out/test-state/bits32/program32=/opt/program32 out/test-state/bits32/ld32=/opt/ld32
