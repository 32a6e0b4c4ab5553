#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# dyldctl in a chroot whose root directory is no mount point, and where no mount namespace is allowed at all.
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/both_ways.sh
((EUID == 0)) || skip_all "needs root"
unshare -m true 2>/dev/null || skip_all "unshare -m is not allowed here"

# A small root directory: copies of a few programs and of what they need.
R=$TAP_TMP/root
mkdir -p "$R"/{proc,dev,tmp,run,etc,opt/bin,opt/lib}
cp "$ROOT"/out/bin/{dyldctl,shared-cache,make-ld-dyld} "$R/opt/bin/"
cp "$ROOT"/out/lib/*.bin "$R/opt/lib/"
cp "$FIX/hello" "$R/opt/hello"
for library in $(ldd "$R"/opt/bin/* "$R/opt/hello" /usr/bin/cat /usr/bin/pwd | grep -o '/[^ :)]*' | grep '^/lib' | sort -u); do
    mkdir -p "$R$(dirname "$library")"
    [[ -e $R$library ]] || cp -L "$library" "$R$library"
done
cp /usr/bin/cat /usr/bin/pwd "$R/opt/"

# inside COMMAND...: in the chroot, in a mount namespace whose mounts propagate. OUTER is this namespace's process.
inside() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    unshare -m --propagation shared bash -c '
        R=$1 && shift
        mount --bind /proc "$R/proc" && mount --rbind /dev "$R/dev" && mkdir -p "$R/dev/shm" || exit 99
        chroot "$R" /opt/bin/dyldctl --state /state "${@//OUTER/$$}"
        exit $? # not the last command: OUTER stays a process outside of the chroot' bash "$R" "$@"
}
at_exit quietly inside clean
at_exit quietly "$DYLDCTL" --state "$TAP_TMP/outside" clean

ok "a build in a chroot" inside build --tmpfs /dev/shm /opt/hello /opt/cat /opt/pwd
inside run -- /opt/hello one 3 >"$TAP_TMP/out" 2>"$TAP_TMP/err"
is "$?" 3 "a program runs there"
is "$(cat "$TAP_TMP/err")" "$("$R/opt/hello" one 3 2>&1 >/dev/null)" "without a note"
like "$(inside why /opt/hello 2>&1)" '^prebuilt' "and from the cache"
ok "an activation outside of it uses the same tmpfs" \
    "$DYLDCTL" --state "$TAP_TMP/outside" build --tmpfs /dev/shm "$FIX/hello"
like "$(inside why /opt/hello 2>&1)" '^prebuilt' "and leaves the chroot's alone, whose state directory it cannot see"
ok "so does its clean" "$DYLDCTL" --state "$TAP_TMP/outside" clean
like "$(inside why /opt/hello 2>&1)" '^prebuilt' "still prebuilt"
is "$(inside run -- /opt/pwd)" / "the working directory and the root stay what they were"
output=$(inside run -- /opt/cat /proc/OUTER/mountinfo)
like "$output" "$R/proc" "a program in the namespace sees the mounts outside of it"
unlike "$output" 'ld-linux|genuine-ld' "none of which is its own"

# Another root directory, from there
mkdir -p "$R/inner"/{proc,dev,run,opt,var/cache}
cp -a "$R"/lib* "$R/inner/" && cp "$R/opt/hello" "$R/inner/opt/"
output=$(inside --root /inner build --tmpfs /run /opt/hello 2>&1)
like "$output" 'not in a tmpfs' "a build for another root directory is captured in a chroot"
unlike "$output" 'shared-cache' "by a builder that mounts what is missing"
is "$(grep -c "$R" /proc/self/mounts)" 0 "and leaves no mount"

# A container's root without CAP_SYS_ADMIN
without=(setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin --)
output=$("${without[@]}" bench/demo.sh "ls --version" 2>&1)
is "$?" 0 "the demo ends well where no mount namespace is allowed"
like "$output" 'exit code 0, same; direct .*Operation not permitted' "compares programs and tells why they are not prebuilt"
like "$output" 'no private mount namespace is allowed' "and says so"
tap_done
