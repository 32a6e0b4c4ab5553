#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# dyldctl run for users without privileges: user namespace with the same ids, and what happens where none is allowed.
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/both_ways.sh
((EUID == 0)) || skip_all "needs root to become another user"
unshare -m true 2>/dev/null || skip_all "unshare -m is not allowed here"

uid=65534
install -d -o $uid -g $uid -m 755 "$TAP_TMP/home"
STATE=$TAP_TMP/home/state
user() { (cd / && HOME=$TAP_TMP/home XDG_RUNTIME_DIR='' XDG_CACHE_HOME='' setpriv --reuid=$uid --regid=$uid --clear-groups "$@"); }
ctl() { user "$DYLDCTL" --state "$STATE" "$@"; }
at_exit quietly user "$DYLDCTL" --state "$STATE" clean

output=$(ctl build /usr/bin/id "$FIX/hello" "$FIX/auxv" 2>&1)
is "$?" 0 "a user builds"
like "$output" 'XDG_RUNTIME_DIR is not set: used /dev/shm' "and is told why the activation is in /dev/shm"
is "$(stat -c %a "$STATE")" 700 "a user's state directory is closed to others"
is "$(stat -c %a "$(readlink "$STATE/active")")" 700 "and so is the activation"
like "$(readlink "$STATE/active")" "^/dev/shm/shared-region-$uid/" "which lies in /dev/shm without XDG_RUNTIME_DIR"
if user unshare -U true 2>/dev/null; then
    is "$(ctl run -- /usr/bin/id -u)" "$uid" "the uid is the same under dyldctl run"
    is "$(ctl run -- /usr/bin/id -g)" "$uid" "and the gid"
    like "$(ctl run -- "$FIX/auxv")" "." "a program runs"
    is "$(DYLD_PRINT_LOADERS=1 ctl run -- "$FIX/hello" 2>&1 | grep -c '^dyld: prebuilt')" 1 "from the cache"
    # shellcheck disable=SC2016 # expanded by the inner shell
    is "$(ctl run -- bash -c 'readlink /proc/self/exe')" "$(readlink -f /usr/bin/readlink)" "/proc/self/exe names the program"
else
    skip "user namespaces keep uid and gid" "user namespaces are not allowed here"
fi

# unshare(CLONE_NEWUSER) is refused in a chroot: a second view of / is one.
# shellcheck disable=SC2016 # expanded by the inner shell
in_chroot='mkdir -p "$0/root" && mount --rbind / "$0/root" && HOME=$0/home exec chroot --userspec=65534:65534 "$0/root" "$@"'
output=$(unshare -m bash -c "$in_chroot" "$TAP_TMP" "$DYLDCTL" --state "$STATE" run -- "$FIX/hello" 2>"$TAP_TMP/err")
like "$output" '^2 arguments|^1 arguments' "without namespaces the program runs all the same"
like "$(cat "$TAP_TMP/err")" 'directly' "and a note says that ld-dyld.so was started directly"
unshare -m bash -c "$in_chroot" "$TAP_TMP" "$DYLDCTL" --state "$STATE" --quiet run -- "$FIX/hello" >/dev/null 2>"$TAP_TMP/err"
is "$(grep dyldctl "$TAP_TMP/err")" "" "which --quiet leaves out"
like "$(unshare -m bash -c "$in_chroot" "$TAP_TMP" "$DYLDCTL" --state "$STATE" why "$FIX/hello" 2>&1)" '^direct' "why says direct"

# Somebody else was first in /dev/shm.
ctl clean >/dev/null
rm -rf "/dev/shm/shared-region-$uid"
install -d -m 755 "/dev/shm/shared-region-$uid" # root's
at_exit rm -rf "/dev/shm/shared-region-$uid"
output=$(ctl build "$FIX/hello" 2>&1)
is "$?" 1 "a place that somebody else made is refused"
like "$output" 'another user|not permitted|Permission denied' "and the message says why"
is "$(user "$FIX/hello" 2>/dev/null | head -n 1)" "$("$FIX/hello" 2>/dev/null | head -n 1)" "programs start as ever"

# No text can be mapped from a noexec file system, and no interpreter started.
# shellcheck disable=SC2016 # expanded by the inner shell
noexec='mkdir -p "$0" && mount -t tmpfs -o noexec,mode=755 state "$0" && exec "$@"'
output=$(unshare -m bash -c "$noexec" "$TAP_TMP/noexec" "$DYLDCTL" --state "$TAP_TMP/noexec" build "$FIX/hello" 2>&1)
is "$?" 1 "a state directory on a noexec file system is refused"
like "$output" 'noexec' "and the message says why"
private_state "$FIX/hello"
# shellcheck disable=SC2016
output=$(unshare -m bash -c 'mount --bind "$0" "$0" && mount -o remount,bind,noexec "$0" && exec "$@"' "$STATE" \
    "$DYLDCTL" --state "$STATE" run -- "$FIX/hello" 2>&1)
is "$?" 125 "run from a state directory that became noexec fails before anything is mounted"
like "$output" 'noexec' "and the message says why"

# Exit codes of run
chmod 644 "$(cp "$FIX/hello" "$TAP_TMP/data" && echo "$TAP_TMP/data")"
"$DYLDCTL" --state "$STATE" run -- "$TAP_TMP/data" >/dev/null 2>&1
is "$?" 126 "run of a file without the execute bit is exit code 126"
printf '\177ELF' >"$TAP_TMP/broken" && chmod 755 "$TAP_TMP/broken"
"$DYLDCTL" --state "$STATE" run -- "$TAP_TMP/broken" >/dev/null 2>&1
is "$?" 126 "run of a broken program is exit code 126"
"$DYLDCTL" --state "$STATE" run -- no-such-program >/dev/null 2>&1
is "$?" 127 "run of a name that is not in PATH is exit code 127"
"$DYLDCTL" --state "$STATE" run bash -c 'exit 42'
is "$?" 42 "run ends with the program's exit code"

# `dyldctl build` inside of `dyldctl run` would capture ld-dyld.so instead of ld.so.
private_state "$FIX/hello"
output=$("$DYLDCTL" --state "$STATE" run -- "$DYLDCTL" --state "$STATE" build "$FIX/auxv" 2>&1)
is "$?" 1 "a build inside of run is refused"
like "$output" 'outside of' "and the message says what to do"
is "$(DYLD_PRINT_LOADERS=1 "$DYLDCTL" --state "$STATE" run -- "$DYLDCTL" --state "$STATE" run -- "$FIX/hello" 2>&1 | grep '^dyld' | tail -n 1 | cut -d' ' -f2)" \
    prebuilt "run inside of run works"
tap_done
