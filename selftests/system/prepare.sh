#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The last program of the first boot: a generation for all programs that the second boot starts, switched on for it.
# shellcheck source=selftests/lib/tap.sh
. /test/lib/tap.sh
# shellcheck source=selftests/system/guest.sh
. /test/lib/guest.sh

# An empty main that needs nothing, and one that needs all of clang's libraries.
mkdir -p /opt/test
echo 'int main(void) { return 0; }' >/opt/test/empty.c
ok "gcc compiles an empty main" gcc -O1 -o /opt/test/empty /opt/test/empty.c
mapfile -t libraries < <(ldd "$(readlink -f /usr/bin/clang)" | sed -n 's/.* => \([^ ]*\) .*/\1/p')
ok "and one with clang's libraries" gcc -O1 -Wl,--no-as-needed -o /opt/test/empty_clang /opt/test/empty.c "${libraries[@]}"

begin=$SECONDS
ok "a generation for real programs" dyldctl build /opt/test/empty{,_clang} "${real_programs[@]}"
diag "dyldctl build: $((SECONDS - begin)) s, $(dyldctl --json status | grep -c 'stale')"
ok "enabled, also for the next boot" dyldctl enable --system
is "$(decision /opt/test/empty_clang)" prebuilt "prebuilt"
tap_done
