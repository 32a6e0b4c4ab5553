#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the shim and ld-dyld.so leave to the kernel, or where they come back to it: the program runs all the same.
cd "$(dirname "$0")/../.." && . selftests/lib/shim_tree.sh

CALLS=$FIX/shim_calls
HELLO=$FIX/hello
cp "$CALLS" "$TAP_TMP/exec-deleted"
cp "$CALLS" "$TAP_TMP/spawn-deleted"
shim_state "$TAP_TMP"/{exec,spawn}-deleted "$HELLO" /bin/dash /bin/cat
LOADER=$STATE/ld-dyld.so

# Ids that differ: the kernel says AT_SECURE.
python() { same 0 "$1" python3 -c "import os, subprocess"$'\n'"$2" "$HELLO"; }
if ((EUID == 0)); then
    SPAWN='os.waitpid(os.posix_spawn("/bin/cat", ["name", "/proc/self/comm"], os.environ), 0)'
    for change in 'os.setreuid(65534, 0)' 'os.setregid(65534, 0)'; do
        python "$change, then exec" "$change; os.execv('/bin/cat', ['name', '/proc/self/comm'])"
        python "$change, then posix_spawn" "$change; $SPAWN"
        python "$change, then subprocess" "$change; subprocess.run(['/bin/cat', '/proc/self/comm'])"
    done
    same 0 "setpriv --ruid" setpriv --ruid 65534 /bin/dash -c 'cat /proc/self/comm'
    is "$(LD_PRELOAD=$SHIM LD_BIND_NOW=1 setpriv --ruid 65534 "$LOADER" --argv0 name /bin/dash -c 'echo "$0"; cat /proc/self/comm; env | grep ^LD_' 2>&1)" \
        "name"$'\n'"cat" "ld-dyld.so under AT_SECURE executes what the shim asked for, without the variables that secure mode drops"
else
    skip "a process whose ids differ" "only root can make one"
fi

# A ld-dyld.so that cannot be executed.
cp -p "$LOADER" "$TAP_TMP/loader"
falls_back() { # DESCRIPTION
    local call
    for call in execve execvp posix_spawn posix_spawnp; do
        same 0 "$1: $call() starts the program plainly" "$CALLS" $call "$HELLO" x
    done
    same 0 "$1: system() runs its command" "$CALLS" system 'echo $((6 * 7)); exit 3'
    same 0 "$1: popen() runs its command" "$CALLS" popen-r 'echo $((6 * 7)); exit 3'
}
exec 9>>"$LOADER"
falls_back "ld-dyld.so is open for writing"
exec 9>&-
: >"$LOADER"
falls_back "ld-dyld.so is empty"
echo '#!/no/such/interpreter' >"$LOADER"
falls_back "ld-dyld.so is a script without its interpreter"
chmod 644 "$LOADER"
falls_back "ld-dyld.so may not be executed"
cp -p "$TAP_TMP/loader" "$LOADER"
same 1 "and prebuilt again with a good one" "$CALLS" posix_spawn "$HELLO" x

for call in dev-fd proc-fd spawn-dev-fd; do
    same 0 "$call: a path through a descriptor that the exec closes" "$CALLS" $call "$HELLO" x
done

# /proc/self/exe is ld-dyld.so for the kernel: it must not execute the program's first argument.
for call in exec-deleted spawn-deleted; do
    is "$(in_tree "$CALLS" execve "$TAP_TMP/$call" $call /proc/self/exe "$HELLO" 2>&1 | sed 's/^dyld: prebuilt .*/prebuilt/')" \
        prebuilt$'\n'"$call: ENOENT" "$call: /proc/self/exe of a program whose file is gone is ENOENT"
done

# Addresses that cannot be read.
for call in spawn-bad-path spawn-no-path execveat-bad-path {fexecve,execve}-no-{environment,list}; do
    same 0 "$call gives the same error" "$CALLS" "$call" "$HELLO"
done

# Little stack.
for call in signal-stack clone-4k clone-8k small-thread; do
    same 1 "$call: a program starts prebuilt" "$CALLS" $call "$HELLO" x
done
for call in clone-8k small-thread; do
    same 0 "$call: with 3000 arguments it starts plainly" "$CALLS" $call /bin/dash -c 'echo $#' {1..3000}
done

# Filters of system calls.
bases() { for _ in {1..6}; do in_tree "$CALLS" refused /bin/cat /proc/self/maps 2>/dev/null | grep -a -m 1 /cat; done | cut -d - -f 1 | sort -u | wc -l; }
is "$(in_tree "$CALLS" refused /bin/cat /dev/null 2>&1 | grep -ac '^dyld: prebuilt')" 1 "a program starts prebuilt where personality(2) is refused"
is "$(bases)" 6 "and its addresses are random all the same"
tap_done
