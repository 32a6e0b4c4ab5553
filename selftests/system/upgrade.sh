#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# In a guest where all programs start from the cache: libc6 is installed again by dpkg, and ld.so and libc are replaced by
# others, while programs start. Not one start fails.
# shellcheck source=selftests/lib/tap.sh
. /test/lib/tap.sh
# shellcheck source=selftests/system/guest.sh
. /test/lib/guest.sh
libc=$(dirname "$genuine")/libc.so.6

[[ -e $STATE/current ]] || ok "a cache, when no program before this one made it" dyldctl build /bin/{true,ls,bash,perl,python3,git}
ok "all programs start from the cache" dyldctl enable --system
is "$(decision /bin/true)" prebuilt "they do"
start_starting
ok "dpkg installs libc6 again" dpkg -i /test/libc6.deb
is "$(decision /bin/true)" none "programs start by the ld.so that dpkg put there"
stop_starting "not one start has failed while dpkg installed libc6"
like "$(dyldctl status)" 'out of force' "status says that it is out of force"
start_starting
ok "a build takes the new files in" dyldctl build /bin/true
stop_starting "not one start has failed while it was built"
is "$(decision /bin/true)" prebuilt "and programs start from the cache again"

# Other files, put in place as dpkg does: one after the other, each by rename.
start_starting
upgraded "$genuine" "$genuine.dpkg-new"
upgraded "$libc" "$libc.dpkg-new"
mv "$genuine.dpkg-new" "$genuine"
sleep 1
mv "$libc.dpkg-new" "$libc"
is "$(decision /bin/true)" none "after another pair of ld.so and libc, programs start by it"
sleep 1
stop_starting "not one start has failed while ld.so and libc were changed"
start_starting
ok "a build takes them in" dyldctl build /bin/true
stop_starting "not one start has failed while it was built"
is "$(decision /bin/true)" prebuilt "and programs start from the cache again"
upgraded "$libc" "$libc.dpkg-new"
start_starting
mv "$libc.dpkg-new" "$libc"
like "$(decision /bin/true)" '^jit library-changed .*libc.so.6' "after libc alone, programs start by ld-dyld.so's own ld.so"
stop_starting "not one start has failed"
ok "dpkg puts all back" dpkg -i /test/libc6.deb
ok "a last build" dyldctl build /bin/true
is "$(decision /bin/true)" prebuilt "prebuilt"
tap_done
