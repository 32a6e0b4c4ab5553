#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The programs of selftests/kmod/ on the lockdep kernel; built now if BUILD_KERNELS is set, else skipped when it is not
# there: the build takes too long for each run of `make check`.
if [[ ! -e ${KERNELS:-out/kernels}/lockdep/complete && ! ${BUILD_KERNELS-} ]]; then
    echo "1..0 # SKIP no lockdep kernel is built; make check-qemu KERNEL=lockdep builds it"
    exit 0
fi
exec "$(dirname "$0")/check" lockdep
