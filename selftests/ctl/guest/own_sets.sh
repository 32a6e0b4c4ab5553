#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The part of own_sets_guest.sh that runs in the guest, as root.
unset LD_LIBRARY_PATH
export PATH=/usr/bin:/bin HOME=/tmp LC_ALL=C
count=0
is() { # GOT WANTED DESCRIPTION
    count=$((count + 1))
    if [[ $1 == "$2" ]]; then
        echo "ok $count - $3"
    else
        echo "not ok $count - $3"
        printf '# got:    %s\n# wanted: %s\n' "$1" "$2"
    fi
}
echo "TAP version 13"
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
decision() {
    DYLD_PRINT_LOADERS=1 dyldctl run "${as_user[@]}" "$@" 2>&1 >/dev/null </dev/null | grep -a '^dyld: ' | tail -n 1 |
        sed -E 's/^dyld: //; s/[0-9a-f]{32}/UUID/'
}

dyldctl build /opt/mine /usr/bin/env /usr/bin/setpriv /usr/bin/bash 2>&1 | sed 's/^/# /'
dyldctl region configure 2>&1 | sed 's/^/# /'
is "$(decision /opt/mine)" "prebuilt UUID kernel" "a program of the activation starts from the kernel's region"
is "$(build_set /opt/fresh | cut -d' ' -f1)" saved "a user makes a set of their own"
is "$(decision /opt/fresh)" "prebuilt UUID own" "which is used by the file backend"
is "$(build_set --instead /opt/mine | cut -d' ' -f1)" saved "and one instead of the activation's"
is "$(decision /opt/mine)" "prebuilt UUID own" "which comes first"
is "$(dyldctl run "${as_user[@]}" /opt/mine one 2>/dev/null | sed -n 's/^\(2 arguments\).*/\1/p')" "2 arguments" "and works"
file=$(build_set --instead /opt/mine | sed 's/.*: //')
printf x | dd of="$file" bs=1 seek=9000 conv=notrunc 2>/dev/null
is "$(decision /opt/mine)" "prebuilt UUID kernel" "damaged: the kernel's region again"
build_set --instead --again /opt/mine >/dev/null
is "$(decision /opt/mine)" "prebuilt UUID own" "made again: it comes first again"
dyldctl region detach >/dev/null 2>&1
echo "1..$count"
