#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The part of own_sets_guest.sh that runs in the guest, as root.
# shellcheck source=selftests/ctl/guest/guest.sh
. /test/lib/guest.sh

mkdir -p /etc /dev/shm /var/cache /var/user
mount -t tmpfs -o mode=1777 shm /dev/shm
chmod 755 / /var /var/cache
chmod 666 /dev/shared_region
chown 12345 /var/user
cp /opt/hello /opt/mine
cp /opt/hello /opt/fresh
chown 12345 /opt/mine
as_user=(env HOME=/var/user setpriv --reuid=12345 --regid=12345 --clear-groups --)
build_set() { "${as_user[@]}" dyldctl build-set "$@" 2>&1; }
said() { grep -a '^dyld: ' | tail -n 1 | sed -E 's/^dyld: //; s/[0-9a-f]{32}/UUID/'; }
decision() { DYLD_PRINT_LOADERS=1 dyldctl run "${as_user[@]}" "$@" 2>&1 >/dev/null </dev/null | said; }
substituted() { DYLD_PRINT_LOADERS=1 "$@" 2>&1 >/dev/null </dev/null | said; }

comment dyldctl build /opt/mine /usr/bin/sed /usr/bin/env /usr/bin/setpriv /usr/bin/bash
comment dyldctl region configure
is "$(decision /opt/mine)" "prebuilt UUID kernel" "a program of the activation starts from the kernel's region"
is "$(build_set /opt/fresh | cut -d' ' -f1)" saved "a user makes a set of their own"
is "$(decision /opt/fresh)" "prebuilt UUID own kernel" "which is used with the kernel's region"
is "$(build_set --instead /opt/mine | cut -d' ' -f1)" saved "and one instead of the activation's"
is "$(decision /opt/mine)" "prebuilt UUID own kernel" "which comes first"
is "$(DYLD_SHARED_REGION=private decision /opt/mine)" "prebuilt UUID own" "with files, if so wanted"
is "$(DYLD_SHARED_REGION=private decision /opt/fresh)" "prebuilt UUID own" "and so does the other"
cp /usr/bin/sed /opt/reader
build_set /opt/reader >/dev/null
is "$(dyldctl run "${as_user[@]}" /opt/reader -n '\,/shared_cache$,{s/.*shared_region:.*/the kernel/p;q}' /proc/self/maps)" "the kernel" \
    "a copy of the activation's program has its text from the kernel, too"
is "$(dyldctl run "${as_user[@]}" /opt/mine one 2>/dev/null | sed -n 's/^\(2 arguments\).*/\1/p')" "2 arguments" "and works"
file=$(build_set --instead /opt/mine | sed 's/.*: //')
printf x | dd of="$file" bs=1 seek=9000 conv=notrunc 2>/dev/null
is "$(decision /opt/mine)" "prebuilt UUID kernel" "damaged: the kernel's region again"
build_set --instead --again /opt/mine >/dev/null
is "$(decision /opt/mine)" "prebuilt UUID own kernel" "made again: it comes first again"

# The module puts a placeholder over the region when it executes a substituted program.
comment dyldctl interpreter set
region=$(sed -nE 's/^([0-9a-f]+)-[0-9a-f]+ r-xp .*shared_region.*/\1/p' /proc/self/maps | head -n 1)
is "${region:+there} $(DYLD_SHARED_REGION=avoid sed -n "s/^$region-.* ---p .*/placeholder/p" /proc/self/maps)" "there placeholder" \
    "a substituted program gets a placeholder where others have the region"
is "$(substituted /opt/mine)" "prebuilt UUID kernel" "it starts from the kernel's region"
is "$(DYLD_SHARED_REGION=private substituted /opt/mine)" "prebuilt UUID" "or from files, if so wanted"
is "$(DYLD_SHARED_REGION=private sed -n '/ ---p .* 0 *$/p' /proc/self/maps)" "" "of which nothing of the placeholder is left"
is "$(cut -c1- /proc/self/maps | sed -n '/ ---p .* 0 *$/p')" "" "nor in a program without a set"
is "$(substituted "${as_user[@]}" /opt/fresh)" "prebuilt UUID own kernel" "with a user's own set, too"
mv /dev/shared_region /dev/away
is "$(substituted /opt/mine)" "prebuilt UUID" "and without the device"
mv /dev/away /dev/shared_region
comment dyldctl interpreter clear
dyldctl region detach >/dev/null 2>&1
tap_done
