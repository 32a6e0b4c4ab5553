#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Users' own sets beside a region in the kernel (6.1, in a guest): they use it, and where one that
# comes first is damaged, the activation's set does. The tests are those of guest/own_sets.sh.
cd "$(dirname "$0")/../.." || exit 1
. selftests/ctl/guest/boot.sh
boot_with own_sets 300 6.1 /usr/bin/{setpriv,cut,env,bash,sed,mv} -- out/fixtures/hello=/opt/hello
