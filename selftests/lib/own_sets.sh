# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A user, another one and root with sets of their own. Source it from a test script whose working directory is
# the tree's root, with $user and $other set to two numbers that no other script uses; it sources both_ways.sh.

. selftests/lib/both_ways.sh

((EUID == 0)) || skip_all "needs root: makes other users' files and processes"
unshare -m true 2>/dev/null || skip_all "unshare -m is not allowed here"

# Both homes, a program without a set ($app), and a state that both users can read.
own_sets_place() {
    private_state /usr/bin/true /usr/bin/env /usr/bin/bash "$FIX/uses_lib"
    chmod 755 "$STATE"
    # shellcheck disable=SC2154 # the script's
    install -d -o "$user" -g "$user" -m 700 "$TAP_TMP/home"
    # shellcheck disable=SC2154
    install -d -o "$other" -g "$other" -m 755 "$TAP_TMP/otherhome"
    mkdir -m 755 "$TAP_TMP/bin"
    app=$TAP_TMP/bin/hello
    cp "$FIX/hello" "$app"
    # shellcheck disable=SC2034 # of the scripts
    own_dir=$TAP_TMP/home/.cache/shared-region
    at_exit quietly find /dev/shm -maxdepth 1 -name 'shared-region-*' \( -user "$user" -o -user "$other" \) -delete
}

as() { # USER HOME COMMAND...
    local uid=$1 home=$2
    shift 2
    env HOME="$home" XDG_CACHE_HOME= setpriv --reuid="$uid" --regid="$uid" --clear-groups -- "$@"
}
as_user() { as "$user" "$TAP_TMP/home" "$@"; }
build_set() { as_user "$DYLDCTL" --state "$STATE" build-set "$@" 2>&1; }
