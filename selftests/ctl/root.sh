#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# dyldctl --root: the cache of another root directory, which has other libraries and none of our files.
cd "$(dirname "$0")/../.." || exit 1
if [[ -z ${IN_OWN_MOUNTS-} ]] && ((EUID == 0)) && unshare -m true 2>/dev/null; then
    IN_OWN_MOUNTS=1 exec unshare -m "$0" # what is mounted below ends with this script
fi
unset IN_OWN_MOUNTS
. selftests/lib/both_ways.sh
((EUID == 0)) || skip_all "needs root"
unshare -m true 2>/dev/null || skip_all "unshare -m is not allowed here"

R=$TAP_TMP/root
app=$TAP_TMP/app # here and in $R
add_libraries() { # PROGRAM...: what they need, to $R
    local library
    for library in $(ldd "$@" | grep -o '/[^ :)]*' | grep '^/lib' | sort -u); do
        mkdir -p "$R$(dirname "$library")"
        [[ -e $R$library ]] || cp -L "$library" "$R$library"
    done
}
mkdir -p "$R"/{proc,dev,run,tmp,etc,opt,var/cache} "$app" "$R$app"
chmod 1777 "$R/tmp"
cp "$FIX/uses_lib" "$FIX/libfixture.so" "$app/"
cp "$FIX/uses_lib" "$FIX/other/libfixture.so" "$R$app/"
cp "$FIX/hello" "$FIX/empty" /usr/bin/cat /usr/bin/env "$R/opt/"
add_libraries "$R"/opt/*
ln -s opt "$R/bin"
program=$app/uses_lib

ctl() { "$DYLDCTL" --root "$R" "$@"; }
told() { "$@" 2>&1 | grep -a '^dyld: ' | tail -n 1 | sed 's/^dyld: //'; }
# Everything below $R but the state, and what is mounted there.
names() { (cd "$R" && find . -path ./var/cache/shared-region -prune -o -path ./run/shared-region -prune -o -print | sort); }
mounts() { grep -o " $TAP_TMP/[^ ]* .*" /proc/self/mounts | sort; }
before=$(names)
is "$(mounts)" "" "nothing is mounted in the other root directory"

private_state "$program" "$FIX/hello"
# A link of /proc leads out of any chroot: a directory of ours must not be covered.
mkdir "$TAP_TMP/outside"
mount -t proc proc "$R/proc"
ln -s "/proc/$$/root$TAP_TMP/outside" "$R/run/shared-region"
ctl build /opt/hello >"$TAP_TMP/escape" 2>&1
is "$(grep -c " $TAP_TMP/outside " /proc/self/mounts) $(ls -A "$TAP_TMP/outside")" "0 " "no tmpfs is mounted by a link that leads out of the root directory"
ctl clean >/dev/null 2>&1
rm "$R/run/shared-region"
rm -rf "$R/var/cache/shared-region"
ln -s "/proc/$$/root$TAP_TMP/outside" "$R/escape"
refused='leads through a link of /proc'
like "$(ctl --state /escape/a/state build /opt/hello 2>&1)" "^dyldctl: /escape: $refused" "no state directory is made by one"
like "$(ctl --state /escape/state status 2>&1)" "^dyldctl: /escape: $refused" "or looked for"
output=("$ROOT/out/bin/make-ld-dyld" --root "$R" --ldso /lib64/ld-linux-x86-64.so.2 --stage1 "$ROOT/out/lib/dyld-stage1.bin" --tail "$ROOT/out/lib/dyld-tail.bin" --state /etc)
like "$("${output[@]}" --output /escape/ld-dyld.so 2>&1)" "/escape/: $refused" "nor an ld-dyld.so"
like "$("$ROOT/out/bin/shared-cache" --root "$R" build --output /escape/generation /opt/hello 2>&1)" "/escape/generation: $refused" "nor a generation"
is "$(ls -A "$TAP_TMP/outside")" "" "nothing is there"
ctl build /opt/hello >/dev/null 2>&1
cp "$R$(readlink "$R/var/cache/shared-region/active")/region" "$TAP_TMP/outside/"
ln -sfn /escape "$R/var/cache/shared-region/active"
like "$(ctl status 2>&1)" "^dyldctl: /escape/region: $refused" "nor is an activation used"
rm "$R/escape"
ctl clean >/dev/null 2>&1
umount "$R/proc"
ok "a build for a root directory without our programs, /proc and /dev" ctl build "$program" /opt/hello /opt/cat
at_exit quietly ctl clean
here=$(DYLD_PRINT_LOADERS=1 told run_prebuilt "$program")
there=$(DYLD_PRINT_LOADERS=1 told ctl run -- /opt/hello)
like "$there" '^prebuilt [0-9a-f]{32}$' "a program there starts from the cache, also without /proc"
like "$here" '^prebuilt [0-9a-f]{32}$' "as does one here"
unlike "$here" "${there#prebuilt }" "from another cache"
mount -t proc proc "$R/proc" # for $ORIGIN
is "$(DYLD_PRINT_LOADERS=1 told ctl run -- "$program")" "$there" "one path, two root directories: the program there has its own set"
like "$(ctl run -- "$program")" 'answer 43' "and its own library"
like "$(run_prebuilt "$program")" 'answer 42' "the one here has the one here"
umount "$R/proc"
is "$(names)" "$before" "nothing but the state is left in the other root directory"
is "$(mounts)" " $R/run/shared-region tmpfs rw,nosuid,nodev,noexec,relatime,mode=755 0 0" \
    "and a tmpfs is mounted for the activation, since its /run is on disk"
is "$(readlink "$R/var/cache/shared-region/active" | cut -d/ -f1-3)" /run/shared-region "where programs there find it"
like "$(ctl build "$program" /opt/hello /opt/cat)" '^nothing changed' "the same build again does nothing"
# What libraries of the builder would load or read if they found it, here so that whoever opens it hangs.
conf=$R$(openssl version -d | cut -d'"' -f2)/openssl.cnf
mkdir -p "${conf%/*}" && mkfifo "$conf" "$R/lib/x86_64-linux-gnu/libtbbmalloc.so.2"
like "$(timeout 60 "$DYLDCTL" --root "$R" build --force /opt/hello 2>&1)" '^3 programs' "the builder takes nothing into itself from there"
rm -r "$conf" "$R/lib/x86_64-linux-gnu/libtbbmalloc.so.2" "${R:?}/usr"

# Nothing that lies in a file's place makes a command wait.
patient() { timeout 20 "$DYLDCTL" --root "$R" "$@" 2>&1; }
refuses_fifo() { # FILE COMMAND...: in $R
    local file=$1
    shift
    [[ ! -e $R$file ]] || mv "$R$file" "$TAP_TMP/moved"
    mkfifo -m 755 "$R$file"
    like "$(patient "$@")" "$file: not a regular file" "a FIFO for $file"
    rm "$R$file"
    [[ ! -e $TAP_TMP/moved ]] || mv "$TAP_TMP/moved" "$R$file"
}
S=/var/cache/shared-region
refuses_fifo "$S/CACHEDIR.TAG" build /opt/hello
refuses_fifo "$S/lock" build /opt/hello
refuses_fifo "$S/ld-dyld.so.stamp" build /opt/hello
refuses_fifo "$S/genuine/ld-linux-x86-64.so.2" build /opt/hello
generation=$S/$(readlink "$R$S/current")
refuses_fifo "$generation/shared_cache" activate
refuses_fifo "$generation/sets" status
refuses_fifo "$(readlink "$R$S/active")/region" status
sed 's|/lib64/ld-linux-x86-64.so.2|/lib64/ld-linux-x86-64.so.3|' "$R/opt/hello" >"$R/opt/other_loader" && chmod 755 "$R/opt/other_loader"
mkfifo "$R/lib64/ld-linux-x86-64.so.3"
like "$(patient --state /var/cache/other build /opt/other_loader)" "/lib64/ld-linux-x86-64.so.3: not a regular file" "a FIFO for a program's ld.so"
rm -r "$R/opt/other_loader" "$R/lib64/ld-linux-x86-64.so.3" "$R/var/cache/other"
like "$(patient build --force "$program" /opt/hello /opt/cat)" '^3 programs' "all is well without them"

# What the machine has, not what lies there under its name
if [[ ! -e /dev/shared_region ]]; then
    touch "$R/dev/shared_region" && mount --bind /dev/null "$R/dev/shared_region"
    is "$(ctl --json region query | jq -c .)" '{"device":false}' "another device there is not taken for the module's"
    like "$(ctl region configure 2>&1)" 'the kernel module is not loaded' "nor used"
    umount "$R/dev/shared_region" && rm "$R/dev/shared_region"
fi

# Help needs no system.
like "$(ctl --help)" 'Subcommands|SUBCOMMANDS' "--root DIR --help"
is "$("$DYLDCTL" --root "$TAP_TMP/none" build --help)" "$("$DYLDCTL" build --help)" "build --help, without looking at DIR"
is "$("$DYLDCTL" bench --help --root "$R")" "$("$DYLDCTL" bench --help)" "help for a command that works without --root only"

# Helpers get the directory that dyldctl went to, not its path.
like "$(cd "$R" && "$DYLDCTL" --root /proc/self/cwd build --force "$program" /opt/hello /opt/cat 2>&1)" '^3 programs' \
    "DIR by a path that leads elsewhere in another process"

# Reports
is "$(ctl --json list | jq -r '.[] | select(.path == "/opt/hello").state')" prebuilt "list"
is "$(ctl --json status | jq -r '.state')" /var/cache/shared-region "status"
like "$(ctl why /opt/cat)" '^prebuilt' "why"
like "$(ctl show /opt/cat)" 'libc.so.6' "show"
is "$(cd "$TAP_TMP" && "$DYLDCTL" --root root why /opt/cat)" "$(ctl why /opt/cat)" "DIR may be relative"
ln -s "$R" "$TAP_TMP/link"
is "$("$DYLDCTL" why /opt/cat --root "$TAP_TMP/link/")" "$(ctl why /opt/cat)" "or a symbolic link, and stand behind the command"
echo inside >"$R/tmp/file"
is "$(ctl run -- /opt/cat tmp/file)" inside "a program's working directory is the other root"
is "$(cd /usr && ctl run /opt/cat /tmp/file)" inside "and so is its root"

# A container: mounts of its own, ld-dyld.so in ld.so's place.
# shellcheck disable=SC2016 # the inner shell's
container='mount --rbind "$R" "$R" && mount -t proc proc "$R/proc" &&
    S=$R/var/cache/shared-region L=$R/lib64/ld-linux-x86-64.so.2 && mount --bind "$L" "$S/genuine/ld-linux-x86-64.so.2" && mount --bind "$S/ld-dyld.so" "$L" && cd "$R" &&'
export R program
# shellcheck disable=SC2016
is "$(DYLD_PRINT_LOADERS=1 told unshare -m bash -c "$container"' exec chroot . "$program"')" "$there" "a container with ld-dyld.so bound over ld.so"
mkdir "$R/mnt"
# shellcheck disable=SC2016
is "$(DYLD_PRINT_LOADERS=1 told unshare -m bash -c "$container"' pivot_root . mnt && exec "$program"')" "$there" "and one that pivot_root made"
rmdir "$R/mnt"
rm "$R/tmp/file"

ok "a build for the shim" ctl build --shim /opt/hello /opt/env
is "$(ctl shim)" /var/cache/shared-region/libdyldshim.so "shim names it as programs there do"
is "$(told chroot "$R" /opt/env LD_PRELOAD=/var/cache/shared-region/libdyldshim.so /opt/env DYLD_PRINT_LOADERS=1 /opt/hello | cut -d' ' -f1)" prebuilt \
    "starts a tree of processes by chroot alone"

# Changes concern one of the two.
mount -t proc proc "$R/proc"
cp "$FIX/libfixture.so" "$R$app/new" && mv "$R$app/new" "$R$app/libfixture.so"
like "$(ctl why "$program")" "^library-changed.*$app/libfixture.so" "a library that is replaced there is noticed there"
like "$(ctl --json status | jq -r '.generation.stale_libraries[]')" "^$app/libfixture.so$" "status names it"
like "$("$DYLDCTL" --state "$STATE" why "$program")" '^prebuilt' "here the program stays prebuilt"
like "$(ctl run -- "$program")" 'answer 42' "and used"
ok "a build takes it in" ctl build "$program"
like "$(ctl why "$program")" '^prebuilt' "and the program starts from the cache again"
cp "$FIX/other/libfixture.so" "$app/new" && mv "$app/new" "$app/libfixture.so"
like "$("$DYLDCTL" --state "$STATE" why "$program")" '^library-changed' "a library that is replaced here is noticed here"
like "$(ctl why "$program")" '^prebuilt' "and not there"
umount "$R/proc"

# A build that is killed
(exec "$DYLDCTL" --root "$R" build --force --jobs 1 /opt/hello) >/dev/null 2>&1 &
sleep 0.05
{ kill -KILL $!; wait $!; } 2>/dev/null
is "$(names)" "$before" "a build that is killed leaves no name"
is "$(mounts | wc -l)" 1 "and no mount"
like "$(ctl why /opt/hello)" '^prebuilt' "the cache stays in use"

# Places
mkdir "$R/tmpfs" && mount -t tmpfs -o mode=755 test "$R/tmpfs"
ok "another tmpfs of that root directory" ctl activate --tmpfs /tmpfs
like "$(readlink "$R/var/cache/shared-region/active")" '^/tmpfs/' "holds the activation"
is "$(mounts | grep -c /run/)" 0 "the one that was mounted is gone"
like "$(ctl why /opt/hello)" '^prebuilt' "and used"
ok "activate in the usual place again" ctl activate
umount "$R/tmpfs" && rmdir "$R/tmpfs"
ok "clean" ctl clean
is "$(names)" "$before" "leaves no name"
is "$(mounts)" "" "and no mount"
not_ok "and no state" test -e "$R/var/cache/shared-region"
like "$(ctl why /opt/hello 2>&1)" '^no-cache' "why knows"
ok "clean where nothing is" ctl clean

is "$("$DYLDCTL" --state "$STATE" --root / why "$FIX/hello")" "$("$DYLDCTL" --state "$STATE" why "$FIX/hello")" "--root / is this system"

# What goes wrong
error() { # EXIT_CODE REGEX DESCRIPTION COMMAND...
    local code=$1 regex=$2 description=$3 output status=0
    shift 3
    output=$("$@" 2>&1 >/dev/null) || status=$?
    is "$status" "$code" "$description: exit code"
    like "$output" "^dyldctl: $regex" "$description: message"
    is "$(wc -l <<<"$output")" 1 "$description: one line"
}
mkdir "$TAP_TMP/empty"
error 1 "$TAP_TMP/none: cannot open as a root directory: No such file" "no DIR" "$DYLDCTL" --root "$TAP_TMP/none" status
error 125 "$TAP_TMP/none: cannot open as a root directory" "no DIR to run in" "$DYLDCTL" --root "$TAP_TMP/none" run /opt/hello
error 1 "$R/opt/hello: cannot open as a root directory: Not a directory" "a file for DIR" "$DYLDCTL" --root "$R/opt/hello" status
error 1 "'': an empty name" "an empty DIR" "$DYLDCTL" --root '' status
error 1 "$TAP_TMP/empty/lib64/ld-linux-x86-64.so.2: no ld.so there" "DIR without ld.so" "$DYLDCTL" --root "$TAP_TMP/empty" build /opt/hello
error 2 "'bench' works without --root only" "a command that is for the running system" ctl bench
error 1 "$R: cannot become the root directory: only root" "an ordinary user" setpriv --reuid=65533 --regid=65533 --clear-groups "$DYLDCTL" --root "$R" status
without=(setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin --)
error 1 "shared-cache: build failed.*cannot mount there" "no CAP_SYS_ADMIN" "${without[@]}" "$DYLDCTL" --root "$R" build /opt/hello
ctl clean >/dev/null
rmdir "$R/proc"
error 1 "shared-cache: build failed.*$R/proc: cannot mount" "DIR without a directory /proc" "$DYLDCTL" --root "$R" build --tmpfs /run /opt/hello
ctl clean >/dev/null
mkdir "$R/proc"
# A process in a mount namespace of its own, with that root directory
# shellcheck disable=SC2016 # the inner shell's
unshare -m bash -c 'mount --rbind "$R" "$R" && cd "$R" && mkdir mnt && pivot_root . mnt && exec /mnt/"$0" 100' "$(readlink -f "$(command -v sleep)")" &
child=$!
for ((i = 0; i < 100; i++)); do [[ $(readlink "/proc/$child/exe") == */sleep ]] && break; sleep 0.05; done
error 1 "shared-cache: build failed.*/proc/$child/root/proc: cannot mount there .in another mount namespace" "DIR of another mount namespace" "$DYLDCTL" --root "/proc/$child/root" build --tmpfs /run /opt/hello
kill $child
ctl clean >/dev/null
rmdir "$R/mnt"
mkdir -p "$TAP_TMP/bin"
cp "$ROOT/out/bin/dyldctl" "$TAP_TMP/bin/"
error 1 "dyld-stage1.bin: not found beside dyldctl" "our own files are missing" "$TAP_TMP/bin/dyldctl" --root "$R" build /opt/hello
ctl clean >/dev/null

# Symbolic links mean what they mean there.
rmdir "$R/proc" "$R/dev" && mkdir "$R/etc/proc" "$R/etc/dev" && ln -s /etc/proc "$R/proc" && ln -s /etc/dev "$R/dev"
ok "mount points that are absolute symbolic links" ctl build /opt/hello
is "$(mounts | grep -c etc)" 0 "leave nothing behind"
ok "clean" ctl clean
rm "$R/proc" "$R/dev"
mkdir -p "$TAP_TMP/kernel"/{proc,dev} "$R$TAP_TMP/kernel"/{proc,dev}
touch "$TAP_TMP/kernel/dev/null" && mount --bind /dev/null "$TAP_TMP/kernel/dev/null" && mount -t proc proc "$TAP_TMP/kernel/proc"
ln -s "$TAP_TMP/kernel/proc" "$R/proc" && ln -s "$TAP_TMP/kernel/dev" "$R/dev"
ok "which lead to a /proc and a /dev/null of this system only" ctl build /opt/hello
umount "$TAP_TMP/kernel/dev/null" "$TAP_TMP/kernel/proc"
ok "clean" ctl clean
rm "$R/proc" "$R/dev" && mkdir "$R/proc" "$R/dev" && touch "$R/dev/null" && mount --bind /dev/zero "$R/dev/null"
ok "another device for /dev/null" ctl build /opt/hello
umount "$R/dev/null"
ok "clean" ctl clean
tap_done
