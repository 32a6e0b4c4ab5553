#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Several state directories beside one region and one substitution in the kernel (6.1, in a guest), and activations that
# fail. The tests are those of guest/states.sh.
cd "$(dirname "$0")/../.." || exit 1
. selftests/ctl/guest/boot.sh
boot_with states 300 6.1 /usr/bin/{env,bash,sed,dash,cat,true,grep,cut}
