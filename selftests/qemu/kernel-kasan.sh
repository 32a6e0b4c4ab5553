#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The programs of selftests/kmod/ on the kernel with KASAN and kmemleak (BUILD_KERNELS: as in kernel-lockdep.sh).
if [[ ! -e ${KERNELS:-out/kernels}/kasan/complete && ! ${BUILD_KERNELS-} ]]; then
    echo "1..0 # SKIP no kasan kernel is built; make check-qemu KERNEL=kasan builds it"
    exit 0
fi
exec "$(dirname "$0")/check" kasan
