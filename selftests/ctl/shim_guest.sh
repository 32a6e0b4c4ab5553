#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Trees of processes under libdyldshim.so where there is the kernel module (6.1, in a guest): who has the kernel's region, who
# maps files, and what is left when region, device and module go. The tests are those of guest/shim.sh.
cd "$(dirname "$0")/../.." || exit 1
. selftests/ctl/guest/boot.sh
boot_with shim 300 6.1 /usr/bin/{setpriv,env,bash,dash,sed,cat,cut,grep,true} -- out/fixtures/hello=/opt/hello out/fixtures/shim_calls=/opt/shim_calls
