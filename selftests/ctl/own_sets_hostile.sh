#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Own sets in surroundings that are against them: users without an ID, homes that hang, planted marks,
# ambient capabilities, killed builders, crafted files.
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/both_ways.sh
((EUID == 0)) || skip_all "needs root: makes other users' files and processes"
unshare -m true 2>/dev/null || skip_all "unshare -m is not allowed here"

user=12347
other=12348
private_state /usr/bin/true /usr/bin/env /usr/bin/bash "$FIX/uses_lib"
chmod 755 "$STATE"
install -d -o $user -g $user -m 700 "$TAP_TMP/home"
install -d -o $other -g $other -m 755 "$TAP_TMP/otherhome"
mkdir -m 755 "$TAP_TMP/bin"
cp "$FIX/hello" "$TAP_TMP/bin/hello"
app=$TAP_TMP/bin/hello
at_exit quietly find /dev/shm -maxdepth 1 -name 'shared-region-*' \( -user $user -o -user $other -o -name "*-65534-*" \) -delete

as() { # USER HOME COMMAND...
    local uid=$1 home=$2
    shift 2
    env HOME="$home" XDG_CACHE_HOME= setpriv --reuid="$uid" --regid="$uid" --clear-groups -- "$@"
}
as_user() { as $user "$TAP_TMP/home" "$@"; }
build_set() { as_user "$DYLDCTL" --state "$STATE" build-set "$@" 2>&1; }
# line COMMAND...: the decision of the last program that the user's COMMAND starts
line() {
    DYLD_PRINT_LOADERS=1 run_prebuilt env HOME="${HOME_OF:-$TAP_TMP/home}" XDG_CACHE_HOME= \
        setpriv --reuid=$user --regid=$user --clear-groups -- "$@" 2>&1 >/dev/null </dev/null |
        grep -a '^dyld: ' | tail -n 1 | sed -E 's/^dyld: //; s/^prebuilt [0-9a-f]+/prebuilt/'
}
mark() { find /dev/shm -maxdepth 1 -name "shared-region-$1-${2:-$user}-*"; }

# --- the mark: no look into a home without it
is "$(mark own)" "" "before: no mark"
like "$(build_set "$app")" '^saved ' "a user makes a set"
is "$(mark own | wc -l) $(mark instead)" "1 " "which leaves a mark in memory"
is "$(stat -c '%u %a %s' "$(mark own)")" "$user 600 0" "an empty file of the user's"
is "$(line "$app")" "prebuilt own" "and is used"
own_mark=$(mark own)
rm "$own_mark"
is "$(line "$app")" "jit no-set" "without the mark it is not"
like "$(as_user "$DYLDCTL" --state "$STATE" list)" "stale *$app *no-mark" "list says so"
touch "$own_mark"
is "$(line "$app")" "jit no-set" "nor with somebody else's"
like "$(build_set "$app")" "^dyldctl: $own_mark: belongs to somebody else" "which build-set tells"
rm "$own_mark"
like "$(build_set "$app")" '^(saved|up-to-date) ' "once it is gone"
is "$(line "$app")" "prebuilt own" "starts use the set again"

# calls STRACE-ARGUMENTS...: what system calls a start of $app makes, one a line
calls() {
    run_prebuilt env HOME="$TAP_TMP/home" setpriv --reuid=$user --regid=$user --clear-groups -- \
        strace -o "$TAP_TMP/strace" "$@" >/dev/null 2>&1
    sed -n '2,$s/(.*//p' "$TAP_TMP/strace"
}
install -o $user -m 644 /dev/null "$TAP_TMP/strace"
if command -v strace >/dev/null; then
    rm "$own_mark"
    calls "$app" >"$TAP_TMP/without"
    is "$(grep -c "$TAP_TMP/home" "$TAP_TMP/strace")" 0 "a start without a mark does not touch the home"
    calls env DYLD_USE_CLOSURES=0 "$app" >/dev/null
    calls -E DYLD_USE_CLOSURES=0 "$app" >"$TAP_TMP/disabled"
    diag "system calls of hello: $(wc -l <"$TAP_TMP/disabled") with DYLD_USE_CLOSURES=0, $(wc -l <"$TAP_TMP/without") without a mark"
    is "$(diff "$TAP_TMP/disabled" "$TAP_TMP/without" | grep -c lstat)" 1 "it asks for the mark with one call"
    build_set "$app" >/dev/null
    calls "$app" >/dev/null
    ok "(with the mark it does look there)" grep -q "$TAP_TMP/home" "$TAP_TMP/strace"
    # A set for another program makes no second look where the executed path is the canonical one.
    calls "$FIX/auxv" >/dev/null
    is "$(grep -c '\.set"' "$TAP_TMP/strace")" 1 "a program without a set is looked for once"
else
    skip "a start without a mark does not touch the home" "strace is not installed"
fi
mine=$TAP_TMP/bin/mine
cp "$FIX/auxv" "$mine" && chown $user "$mine"
"$DYLDCTL" --state "$STATE" build "$mine" >/dev/null 2>&1
if command -v strace >/dev/null; then
    calls "$mine" >/dev/null
    is "$(grep -c "$TAP_TMP/home" "$TAP_TMP/strace")" 0 "nor does a prebuilt start of a program of the user's"
fi
is "$(line "$mine")" "prebuilt" "(it is the activation's)"
like "$(build_set --instead "$mine")" '^saved ' "a set instead of the activation's"
is "$(mark instead | wc -l) $(line "$mine")" "1 prebuilt own" "has a mark of its own"
rm "$(mark instead)"
is "$(line "$mine")" "prebuilt" "without which the activation's is used"
build_set "$app" >/dev/null
as_user "$DYLDCTL" clean --own >/dev/null
is "$(mark own)$(mark instead)" "" "clean --own removes the marks"

# --- users without an ID in a user namespace: everybody looks like their owner
as $other "$TAP_TMP/otherhome" "$DYLDCTL" --state "$STATE" build-set "$app" >/dev/null
chmod 755 "$TAP_TMP/otherhome/.cache" "$TAP_TMP/otherhome/.cache/shared-region"
chmod 644 "$TAP_TMP"/otherhome/.cache/shared-region/*.set
planted=$(mark own $other)
as $other "$TAP_TMP/otherhome" touch "${planted/-$other-/-65534-}"
if as_user unshare -U true 2>/dev/null; then
    HOME_OF=$TAP_TMP/otherhome is "$(HOME_OF=$TAP_TMP/otherhome line unshare -U "$app")" "jit no-set" \
        "a process without an ID uses no set that another user planted"
    HOME_OF=$TAP_TMP/otherhome is "$(HOME_OF=$TAP_TMP/otherhome line unshare -U env DYLD_USE_CLOSURES=1 "$app")" "jit building not-possible" \
        "nor does it have one built there"
    like "$(as $user "$TAP_TMP/otherhome" unshare -U "$DYLDCTL" --state "$STATE" build-set "$app" 2>&1)" "^dyldctl: .*(overflow user|refused)" "nor builds one by hand"
else
    skip "a process without an ID uses no set that another user planted" "user namespaces are not allowed here"
fi
rm -f "${planted/-$other-/-65534-}"

# --- a home that hangs
cat >"$TAP_TMP/hang.py" <<'PY'
# A FUSE mount that nobody serves; every look into it waits for ever.
import ctypes, os, subprocess, sys
libc = ctypes.CDLL(None, use_errno=True)
home = sys.argv[1]
try:
    fd = os.open('/dev/fuse', os.O_RDWR)
except OSError as error:
    print('no', error); sys.exit()
data = f'fd={fd},rootmode=40000,user_id=0,group_id=0,allow_other'
if libc.mount(b'dead', home.encode(), b'fuse', 0, data.encode()):
    print('no', os.strerror(ctypes.get_errno())); sys.exit()
process = subprocess.Popen(sys.argv[2:], env={**os.environ, 'HOME': home}, stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
try:
    print('exit', process.wait(timeout=10))
except subprocess.TimeoutExpired:
    print('hangs'); process.kill()
os.close(fd)
libc.umount2(home.encode(), 2)
PY
mkdir "$TAP_TMP/deadhome"
hung=$(run_prebuilt python3 "$TAP_TMP/hang.py" "$TAP_TMP/deadhome" "$app")
if [[ $hung == no* ]]; then
    skip "a home that hangs does not hinder a start" "no FUSE mount: $hung"
else
    is "$hung" "exit 0" "a home that hangs does not hinder a start"
fi

# (more)
tap_done
