#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Programs with a team ID beside the module (6.1, in a guest): from files where their team has no region, else from it. The tests are
# those of guest/team.sh.
cd "$(dirname "$0")/../.." || exit 1
. selftests/ctl/guest/boot.sh
boot_with team 300 6.1 /usr/bin/{env,bash,sed,grep,cp,jq,head,mkdir,mount} out/fixtures/set_team -- \
    out/fixtures/{hello=/opt/none,allocates=/opt/red,threads=/opt/red2,lazy=/opt/blue}
