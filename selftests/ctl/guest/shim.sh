#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The part of shim_guest.sh that runs in the guest, as root.
# shellcheck source=selftests/ctl/guest/guest.sh
. /test/lib/guest.sh

mkdir -p /etc /dev/shm /var/cache
mount -t tmpfs -o mode=755 run /run
mount -t tmpfs -o mode=1777 shm /dev/shm
chmod 755 / /var /var/cache
chmod 666 /dev/shared_region
ln -sf /usr/bin/dash /bin/sh # what system() and popen() execute
SHIM=/var/cache/shared-region/libdyldshim.so
as_user=(setpriv --reuid=12345 --regid=12345 --clear-groups --)

# in_tree COMMAND...: env executes COMMAND's program without the shim, which is only preloaded to that.
in_tree() { env LD_PRELOAD="$SHIM" DYLD_PRINT_LOADERS=1 "$@"; }
# How many programs started how: "COUNT DECISION;"...
starts() { "$@" 2>&1 >/dev/null </dev/null | grep -a '^dyld: ' | sed -E 's/^dyld: //; s/[0-9a-f]{32}/UUID/' | sort | uniq -c | sed 's/^ *//' | tr '\n' ';'; }
# What COMMAND prints in the tree and outside of it: nothing, if that is the same.
difference() {
    local here=0 there=0 stream
    "$@" >"$TAP_TMP/there.out" 2>"$TAP_TMP/there.err" </dev/null || there=$?
    in_tree "$@" >"$TAP_TMP/here.out" 2>"$TAP_TMP/here.err" </dev/null || here=$?
    for stream in out err; do
        grep -av -e '^dyld: ' -e '^env LD_PRELOAD=' -e '^env DYLD_PRINT_LOADERS=' "$TAP_TMP/here.$stream" >"$TAP_TMP/here"
        diff "$TAP_TMP/there.$stream" "$TAP_TMP/here" 2>&1
    done
    ((here == there)) || echo "exit code $here, outside $there"
}
# Six programs, five of them in a loop.
# shellcheck disable=SC2016 # expanded by the inner shell
loop=(bash -c 'for i in 1 2 3 4 5; do /opt/hello "$i" "two words"; done; cat /proc/sys/kernel/ostype; exit 3')

comment dyldctl build --shim /opt/hello /opt/shim_calls /usr/bin/{setpriv,env,bash,dash,sed,cat,cut,true}
comment dyldctl region configure

# --- with the kernel's region
is "$(starts in_tree "${loop[@]}")" "6 prebuilt UUID kernel;" "all that a shell executes starts from the kernel's region"
is "$(difference "${loop[@]}")" "" "and does what it does outside of the tree"
is "$(starts in_tree "${as_user[@]}" "${loop[@]}")" "7 prebuilt UUID kernel;" "another user's, too, and the shell that setpriv executes"
is "$(difference "${as_user[@]}" "${loop[@]}")" "" "which do what they do outside"
is "$(in_tree bash -c 'sed -n "/ r-xp .*shared_region:/{s/.*/text of the region/p;q}" /proc/self/maps' 2>/dev/null)" "text of the region" \
    "the kernel says so in /proc/self/maps"

# --- every way to execute
for call in execve posix_spawn posix_spawnp vfork; do
    is "$(starts in_tree /opt/shim_calls "$call" /opt/hello one)" "1 prebuilt UUID kernel;" "$call() starts it from the kernel's region"
    is "$(difference /opt/shim_calls "$call" /opt/hello one)" "" "$call(): all is the same"
done
for call in system popen-r; do
    is "$(starts in_tree /opt/shim_calls "$call" '/opt/hello one; exit 3')" "2 prebuilt UUID kernel;" "$call: the shell and its program, too"
    is "$(difference /opt/shim_calls "$call" '/opt/hello one; exit 3')" "" "$call: all is the same"
done
is "$(starts in_tree /opt/shim_calls threads /opt/hello)" "100 prebuilt UUID kernel;" "four threads spawn 100 programs"

# --- what is wanted otherwise
is "$(DYLD_SHARED_REGION=private starts in_tree "${loop[@]}")" "6 prebuilt UUID;" "DYLD_SHARED_REGION=private: from files"
is "$(DYLD_SHARED_REGION=private difference "${loop[@]}")" "" "all is the same"
is "$(DYLD_SHARED_REGION=avoid starts in_tree "${loop[@]}")" "" "DYLD_SHARED_REGION=avoid: plainly"
is "$(DYLD_SHARED_REGION=avoid difference "${loop[@]}")" "" "all is the same, too"

# --- with ld-dyld.so in ld.so's place for all programs
comment dyldctl interpreter set
is "$(starts in_tree "${loop[@]}")" "7 prebuilt UUID kernel;" "under interpreter substitution: the first program as well"
is "$(difference "${loop[@]}")" "" "and does what it does outside of the tree"
is "$(starts in_tree "${as_user[@]}" "${loop[@]}")" "8 prebuilt UUID kernel;" "as another user"
is "$(starts in_tree /opt/shim_calls system '/opt/hello one')" "3 prebuilt UUID kernel;" "system()"
is "$(DYLD_SHARED_REGION=private starts in_tree "${loop[@]}")" "7 prebuilt UUID;" "from files, if so wanted"
is "$(DYLD_SHARED_REGION=avoid starts in_tree "${loop[@]}")" "7 jit disabled;" "or plainly: which ld-dyld.so tells then"
comment dyldctl interpreter clear
is "$(starts in_tree "${loop[@]}")" "6 prebuilt UUID kernel;" "and without substitution as before"

# --- device, region and module go
mv /dev/shared_region /dev/away
is "$(starts in_tree "${loop[@]}")" "6 prebuilt UUID;" "without the device: from files"
is "$(difference "${loop[@]}")" "" "all is the same"
mv /dev/away /dev/shared_region
is "$(starts in_tree "${loop[@]}")" "6 prebuilt UUID kernel;" "with it: of the kernel's region again"
chmod 600 /dev/shared_region
is "$(starts in_tree "${as_user[@]}" "${loop[@]}")" "7 prebuilt UUID;" "for a user who may not open it: from files"
chmod 666 /dev/shared_region

mkfifo /tmp/fifo
in_tree /opt/shim_calls execve /usr/bin/cat /tmp/fifo >/tmp/read 2>/tmp/said &
exec 8>/tmp/fifo # (waits until cat reads)
is "$(grep -c ' kernel$' /tmp/said)" 1 "(a program of the tree that runs on has the region)"
comment dyldctl region detach
is "$(starts in_tree "${loop[@]}")" "6 prebuilt UUID;" "after region detach: from files"
not_ok "the module is not unloaded while a program of the tree has the region" rmmod shared_region
echo text >&8
exec 8>&-
wait $!
is "$? $(cat /tmp/read)" "0 text" "which reads on and ends as always"
ok "without it, the module is unloaded" rmmod shared_region
is "$(starts in_tree "${loop[@]}")" "6 prebuilt UUID;" "without the module: from files"
is "$(difference "${loop[@]}")" "" "all is the same"
ok "the module is loaded again" insmod "$MODULE"
chmod 666 /dev/shared_region
is "$(starts in_tree "${loop[@]}")" "6 prebuilt UUID;" "without a region it changes nothing"
comment dyldctl region configure
is "$(starts in_tree "${loop[@]}")" "6 prebuilt UUID kernel;" "with one, programs have it again"
comment dyldctl clean
ln -sf /bin/busybox /bin/sh
tap_done
