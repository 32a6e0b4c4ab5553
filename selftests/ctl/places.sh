#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The places of activations: what dyldctl mounts and makes in memory is gone after the last clean.
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/both_ways.sh

((EUID == 0)) || skip_all "needs root"
unshare -m true 2>/dev/null || skip_all "unshare -m is not allowed here"
mkdir "$TAP_TMP/run"
[[ $(stat -fc %T "$TAP_TMP/run") != tmpfs ]] || skip_all "TMPDIR is in a tmpfs: there is no /run on disk to try"

# on_disk SCRIPT: in a mount namespace with a /run on disk, as in a container; one and two are state directories.
on_disk() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    unshare -m bash -c 'mount --bind "$1/run" /run || exit 99
        ctl() { "$CTL" --state "$TMP/$1" "${@:2}" >/dev/null 2>&1; }
        mounted() { mountpoint -q /run/shared-region; }
        '"$1" bash "$TAP_TMP"
}
export CTL=$DYLDCTL TMP=$TAP_TMP PROGRAM=$FIX/hello
at_exit quietly on_disk 'ctl one clean; ctl two clean'

# shellcheck disable=SC2016,SC2086 # on_disk's shell expands
{
    ok "activation mounts a tmpfs where /run is on disk" on_disk 'ctl one build $PROGRAM && mounted'
    ok "clean takes the mount and its directory away" on_disk \
        'ctl one build $PROGRAM && ctl one clean && ! mounted && [[ ! -e /run/shared-region ]]'
    ok "clean leaves the mount to another state" on_disk \
        'ctl one build $PROGRAM && ctl two build $PROGRAM && ctl one clean && mounted &&
         [[ $("$CTL" --state $TMP/two why $PROGRAM) == prebuilt* ]] && ctl two clean && ! mounted'
    ok "clean leaves a mount that is in use" on_disk \
        'ctl one build $PROGRAM && exec 9</run/shared-region && ctl one clean && mounted'
    ok "clean changes nothing about a mount that another state uses" on_disk \
        'ctl one build $PROGRAM && ctl two build $PROGRAM && strace -f -o "$TMP/calls" -e trace=mount,mount_setattr,umount2 \
             "$CTL" --state "$TMP/one" clean && ! grep -E "mount|umount" "$TMP/calls" && ctl two clean'
    ok "clean leaves an administrator's mount" on_disk \
        'mkdir -p /run/shared-region && mount -t tmpfs -o mode=755 admin /run/shared-region && ctl one build $PROGRAM && ctl one clean && mounted'
    ok "states that build and clean at the same time do not disturb each other" on_disk '
        many() { for i in 1 2 3 4 5 6; do ctl $1 build $PROGRAM && [[ -s $(readlink $TMP/$1/active)/region ]] && ctl $1 clean || exit 1; done; }
        many one & many two; first=$?; wait $! && ((first == 0)) && ! mounted'
}

mkdir "$TAP_TMP/on-disk"
like "$("$DYLDCTL" --state "$TAP_TMP/one" build --tmpfs "$TAP_TMP/on-disk" "$FIX/hello" 2>&1)" "$TAP_TMP/on-disk/.*: not in a tmpfs" \
    "--tmpfs of a directory on disk is refused"
is "$(ls -A "$TAP_TMP/on-disk")" "" "and leaves nothing there"
quietly "$DYLDCTL" --state "$TAP_TMP/one" clean

uid=65533 # has nothing in memory yet
install -d -o "$uid" -g "$uid" -m 755 "$TAP_TMP/home"
chmod 755 "$TAP_TMP"
user() { (cd / && HOME=$TAP_TMP/home XDG_RUNTIME_DIR='' setpriv --reuid="$uid" --regid="$uid" --clear-groups "$DYLDCTL" --state "$TAP_TMP/home/state" "$@"); }
ok "a user without XDG_RUNTIME_DIR activates in /dev/shm" user build "$FIX/hello"
ok "below a directory of the user's own" test -d "/dev/shm/shared-region-$uid"
ok "clean" user clean
not_ok "removes that directory too" test -e "/dev/shm/shared-region-$uid"
tap_done
