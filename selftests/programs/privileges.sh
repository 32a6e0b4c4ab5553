#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Set-user-ID programs, file capabilities, other users, state directories that cannot be trusted, chroot.
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/both_ways.sh
((EUID == 0)) || skip_all "needs root: makes set-user-ID files and other users' processes"
use_fixture_state

nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
cp "$FIX/secure" "$TAP_TMP/suid"
chmod 4755 "$TAP_TMP/suid"
# In secure mode ld-dyld.so says nothing: there must be no line besides that of setpriv.
says_nothing() { [[ $(DYLD_PRINT_LOADERS=1 run_prebuilt "${nobody[@]}" "$1" 2>&1 | grep -ac '^dyld: ') == 1 ]]; }
both any "a set-user-ID program runs as usual" "${nobody[@]}" env LD_LIBRARY_PATH=/nowhere "$TAP_TMP/suid"
ok "a set-user-ID program is left to plain ld.so" says_nothing "$TAP_TMP/suid"
like "$(run_prebuilt "${nobody[@]}" "$TAP_TMP/suid")" 'AT_SECURE 1.*euid 0' "it is set-user-ID under dyldctl run as well"
if cp "$FIX/secure" "$TAP_TMP/capable" && setcap cap_net_raw+ep "$TAP_TMP/capable" 2>/dev/null; then
    both any "a program with file capabilities runs as usual" "${nobody[@]}" "$TAP_TMP/capable"
    ok "a program with file capabilities is left to plain ld.so" says_nothing "$TAP_TMP/capable"
else
    skip "a program with file capabilities is left to plain ld.so" "setcap is missing or not supported here"
fi

# Another user
both 'prebuilt' "another user's process uses the system's cache" "${nobody[@]}" "$FIX/auxv"
install -d -o 65534 -g 65534 -m 700 "$TAP_TMP/home"
as_nobody() { HOME=$TAP_TMP/home XDG_RUNTIME_DIR='' XDG_CACHE_HOME='' "${nobody[@]}" "$@"; }
if ok "a user builds a cache of their own" as_nobody "$DYLDCTL" --state "$TAP_TMP/home/state" build "$FIX/auxv" "$FIX/uses_lib"; then
    at_exit quietly as_nobody "$DYLDCTL" --state "$TAP_TMP/home/state" clean
    line=$(cd / && DYLD_PRINT_LOADERS=1 as_nobody "$DYLDCTL" --state "$TAP_TMP/home/state" run -- "$FIX/uses_lib" 2>&1 | grep -a '^dyld: ')
    is "$(decision_of "$line")" prebuilt "and starts programs from it"
fi

# Root must not use what another user may change.
untrusted() { # DIR: what root's process decides with DYLD_SHARED_CACHE_DIR=DIR
    DYLD_SHARED_CACHE_DIR=$1 decision "$FIX/uses_lib"
}
like "$(untrusted "$TAP_TMP/home/state")" '^jit untrusted' "a state directory of another user is not used"
mkdir -m 777 "$TAP_TMP/open"
chmod 777 "$TAP_TMP/open"
like "$(untrusted "$TAP_TMP/open")" '^jit (untrusted|no-cache)' "a state directory that others can write is not used"
like "$(untrusted /does/not/exist)" '^jit' "a missing state directory means plain ld.so"

# chroot with its own ld.so and another libfixture.so
root=$TAP_TMP/root
mkdir -p "$root/lib64" "$root/lib/x86_64-linux-gnu" "$root/bin"
cp /lib64/ld-linux-x86-64.so.2 "$root/lib64/"
cp /lib/x86_64-linux-gnu/libc.so.6 "$FIX/other/libfixture.so" "$root/lib/x86_64-linux-gnu/"
cp "$FIX/uses_lib_nopath" "$root/bin/"
both 'none|jit .*' "a chroot with other libraries uses those" chroot "$root" /bin/uses_lib_nopath
like "$(run_prebuilt chroot "$root" /bin/uses_lib_nopath)" 'answer 43' "the chroot's own library answers"

# The same paths mean other files inside a mount namespace.
both 'jit library-changed.*' "a library that is bind-mounted over is noticed" \
    unshare -m bash -c 'mount --bind "$0/other/libfixture.so" "$0/libfixture.so" && exec "$0/uses_lib"' "$FIX"
tap_done
