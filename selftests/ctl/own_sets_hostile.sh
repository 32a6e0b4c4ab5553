#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Own sets in surroundings that are against them: users without an ID, homes that hang, planted marks,
# ambient capabilities, killed builders, crafted files.
cd "$(dirname "$0")/../.." || exit 1
user=12347
other=12348
. selftests/lib/own_sets.sh
own_sets_place
at_exit quietly find /dev/shm -maxdepth 1 -name 'shared-region-*-65534-*' -delete
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


# --- who preloads
build_set "$app" >/dev/null
word() { build_set_with "$@" 2>/dev/null | cut -d' ' -f1; }
build_set_with() { as_user env "$1" "$DYLDCTL" --state "$STATE" build-set "$app"; }
shim=$STATE/libdyldshim.so
install -m 755 out/lib/libdyldshim.so "$shim"
ln -s "$shim" "$TAP_TMP/by-link.so"
foreign=$TAP_TMP/libdyldshim.so # what only its name makes ours
cp "$FIX/libfixture.so" "$foreign"
is "$(word LD_PRELOAD="$shim")" up-to-date "our preload interposes nothing"
is "$(word LD_PRELOAD="$FIX/libfixture.so:$shim") $(word LD_PRELOAD="$FIX/libfixture.so $shim")" "interposed interposed" "a list does if one of it is not ours"
is "$(word LD_PRELOAD="$shim:$shim") $(word LD_PRELOAD="$TAP_TMP/by-link.so")" "up-to-date up-to-date" "nor twice, nor by another name"
is "$(word LD_PRELOAD="$foreign") $(word LD_PRELOAD="$shim:$foreign") $(word LD_PRELOAD=libdyldshim.so)" \
    "interposed interposed interposed" "another library of its name does"
is "$(word LD_AUDIT="$shim")" interposed "auditing is never ours"
rm "$shim"

# --- capabilities without AT_SECURE
cat >"$TAP_TMP/restricted.py" <<'PY'
# restricted.py seccomp|caps UID HOME PROGRAM: executes it with a filter that allows all, or ambient capabilities
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
kind, user, home, program = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
def must(result):
    if result != 0: sys.exit('failed: ' + os.strerror(ctypes.get_errno()))
if kind == 'caps':
    must(libc.prctl(8, 1, 0, 0, 0)) # PR_SET_KEEPCAPS
os.setgroups([]); os.setresgid(user, user, user); os.setresuid(user, user, user)
if kind == 'caps':
    mask = 1 << 10 # CAP_NET_BIND_SERVICE
    must(libc.capset(struct.pack('II', 0x20080522, 0), struct.pack('6I', mask, mask, mask, 0, 0, 0)))
    must(libc.prctl(47, 2, 10, 0, 0)) # PR_CAP_AMBIENT_RAISE
else:
    filters = ctypes.create_string_buffer(struct.pack('HBBI', 6, 0, 0, 0x7fff0000))
    must(libc.prctl(38, 1, 0, 0, 0)) # PR_SET_NO_NEW_PRIVS
    must(libc.prctl(22, 2, ctypes.create_string_buffer(struct.pack('HxxxxxxQ', 1, ctypes.addressof(filters))), 0, 0))
os.environ['HOME'] = home
os.execv(program, sys.argv[4:])
PY
restricted() { # KIND [VARIABLE=VALUE]
    DYLD_PRINT_LOADERS=1 run_prebuilt env "${2:-X=}" python3 "$TAP_TMP/restricted.py" "$1" $user "$TAP_TMP/home" "${3:-$app}" 2>&1 >/dev/null |
        grep -a '^dyld: ' | tail -n 1 | sed -E 's/^dyld: //; s/^prebuilt [0-9a-f]+/prebuilt/'
}
cp "$FIX/hello" "$TAP_TMP/bin/fresh"
is "$(line "$app")" "prebuilt own" "(an own set)"
is "$(restricted caps)" "jit no-set" "a process with ambient capabilities does not use an own set"
is "$(restricted caps DYLD_USE_CLOSURES=1 "$TAP_TMP/bin/fresh")" "jit building not-possible" "nor has it one built"
is "$(restricted seccomp)" "prebuilt own" "one with a system call filter does use it"
is "$(restricted seccomp DYLD_USE_CLOSURES=1 "$TAP_TMP/bin/fresh")" "jit building not-possible" "but has none built"
is "$(DYLD_USE_CLOSURES=1 line unshare -Upf --map-current-user "$TAP_TMP/bin/fresh" 2>/dev/null)" "jit building not-possible" "nor has one in a PID namespace of its own"

# --- a builder that ends without a word, or refuses: not again at the next start
again() { DYLD_USE_CLOSURES=1 line "$1"; }
leftovers() { find "$own_dir" -name '*.lock' -o -name '*.tmp-*'; }
settle() { local i; for ((i = 0; i < 100; i++)); do [[ -n $(find "$own_dir" -name '*.lock' 2>/dev/null) ]] || return 0; sleep 0.1; done; }
mv "$STATE/current/shared_cache" "$TAP_TMP/shared_cache"
is "$(again "$TAP_TMP/bin/fresh")" "jit building started" "(the cache is gone: the builder refuses)"
settle
is "$(again "$TAP_TMP/bin/fresh")" "jit building failed-before" "a refusal is recorded"
is "$(leftovers)" "" "and leaves nothing"
mv "$TAP_TMP/shared_cache" "$STATE/current/shared_cache"
"$DYLDCTL" --state "$STATE" activate >/dev/null
cat >"$TAP_TMP/killed" <<'SH'
#!/bin/bash
{
    umask
    chrt -p $$ | sed -n 's/.*policy: //p'
    ulimit -S -t
    cat /proc/$$/personality
} >"$(dirname "$0")/process"
kill -9 $$
SH
chmod 755 "$TAP_TMP/killed"
install -o $user -m 644 /dev/null "$TAP_TMP/process"
loader=$(readlink -f /lib64/ld-linux-x86-64.so.2)
with_builder() {
    out/bin/make-ld-dyld --ldso "$loader" --stage1 out/lib/dyld-stage1.bin --tail out/lib/dyld-tail.bin --state "$STATE" --builder "$1" --output "$STATE/ld-dyld.so" 2>&1
}
with_builder "$TAP_TMP/killed"
is "$(ulimit -S -t 20; umask 0; chrt -r 1 setarch -R bash -c 'true' 2>/dev/null; again "$TAP_TMP/bin/fresh")" "jit building started" "(a builder that is killed)"
sleep 0.5
is "$(again "$TAP_TMP/bin/fresh")" "jit building failed-before" "is not started again"
is "$(tr '\n' ' ' <"$TAP_TMP/process")" "0077 SCHED_OTHER unlimited 00000000 " "its mask, policy, limits and personality are not the program's"
chmod 775 "$TAP_TMP/killed"
like "$(with_builder "$TAP_TMP/killed")" "others may write it" "a builder that others may write is not taken"
rm -f "$own_dir"/*.failed "$own_dir"/*.lock
is "$(again "$TAP_TMP/bin/fresh")" "jit building not-possible" "and not started"

# --- crafted files
build_set "$app" >/dev/null
set=$(find "$own_dir" -name '*.set' -newer "$TAP_TMP/killed" | head -n 1)
cp "$set" "$TAP_TMP/good"
cat >"$TAP_TMP/craft.py" <<'PY'
# craft.py GOOD OUT OFFSET VALUE: a set with another 64-bit word and right checksums
import struct, sys
M = (1 << 64) - 1
def step(c, w):
    c = ((c ^ w) * 0x9e3779b97f4a7c15) & M
    return ((c << 29) | (c >> 35)) & M
def checksum(data, seed=0):
    lanes = [(seed + i) & M for i in range(4)]
    for i, word in enumerate(struct.unpack('<%dQ' % (len(data) // 8), data)):
        lanes[i % 4] = step(lanes[i % 4], word)
    result = len(data)
    for lane in lanes:
        result = step(result, lane)
    return result
data = bytearray(open(sys.argv[1], 'rb').read())
struct.pack_into('<Q', data, int(sys.argv[3]), int(sys.argv[4], 0))
struct.pack_into('<Q', data, 120, checksum(bytes(data[4096:])))
struct.pack_into('<Q', data, 184, 0)
struct.pack_into('<Q', data, 184, checksum(bytes(data[192:4096]), checksum(bytes(data[:192]))))
open(sys.argv[2], 'wb').write(data)
PY
crafted() { # OFFSET VALUE
    python3 "$TAP_TMP/craft.py" "$TAP_TMP/good" "$TAP_TMP/crafted" "$1" "$2" && cat "$TAP_TMP/crafted" >"$set" && line "$app"
}
is "$(crafted 104 "$(od -An -td8 -j 104 -N 8 "$TAP_TMP/good" | tr -d ' ')")" "prebuilt own" "(checksums are right)"
is "$(crafted 104 4096)" "jit no-set" "text without the second stage is refused"
cat "$TAP_TMP/good" >"$set"
truncate -s 2G "$set"
is "$(line "$app")" "jit no-set" "a file of 2 GiB is not looked at"
cat "$TAP_TMP/good" >"$set"

# --- leftovers
(ulimit -f 8; as_user "$DYLDCTL" --state "$STATE" build-set --again "$app" >/dev/null 2>&1)
is "$(leftovers)" "" "a builder that fails leaves nothing"
tap_done
