#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Each function of the exec family does the same with libdyldshim.so as without, and the program that it
# executes starts prebuilt where there is a set for it.
cd "$(dirname "$0")/../.." && . selftests/lib/shim_tree.sh

CALLS=$FIX/shim_calls
HELLO=$FIX/hello
mkdir "$TAP_TMP/bin" "$TAP_TMP/none"
ln -s "$HELLO" "$TAP_TMP/bin/by-name"
printf 'echo a script without an interpreter "$@"\n' >"$TAP_TMP/bin/bare-script"
printf '#!%s\necho a script "$@"\n' "$(command -v dash)" >"$TAP_TMP/bin/script"
cp "$HELLO" "$TAP_TMP/none/by-name"
chmod 644 "$TAP_TMP/none/by-name"
chmod 755 "$TAP_TMP/bin/"*
# (Not the caller itself, which so starts plainly and does not count.)
shim_state "$HELLO" "$FIX/auxv" /bin/dash /bin/cat
export PATH=$TAP_TMP/missing:$TAP_TMP/none:$TAP_TMP/bin:/usr/bin:/bin

for call in execve execv execvp execvpe execl execlp execle execveat argv0 edited posix_spawn posix_spawnp; do
    same 1 "$call() starts a program with a set prebuilt, and all it gives it is the same" "$CALLS" $call "$HELLO" a 'b c' ''
done
for call in execvp execvpe execlp posix_spawnp; do
    same 1 "$call() finds a program in PATH behind a file that may not be executed" "$CALLS" $call by-name x
    same 0 "$call() gives the same error for a name that PATH does not have" "$CALLS" $call no-such-program
done
for call in execvp execvpe execlp; do
    same 1 "$call() lets the shell read a text file, and the shell is prebuilt" "$CALLS" $call bare-script y
done
same 0 "posix_spawnp() does not let the shell read a text file" "$CALLS" posix_spawnp bare-script y
for call in execve execv execl posix_spawn; do
    same 0 "$call() gives the same error for a text file" "$CALLS" $call "$TAP_TMP/bin/bare-script"
    same 0 "$call() gives the same error for a file that may not be executed, a directory, no file" \
        bash -c '"$0" "$1" "$2"; "$0" "$1" /; "$0" "$1" /no/such; "$0" "$1" "$3/x"' \
        "$CALLS" $call "$TAP_TMP/none/by-name" "$HELLO"
    same 0 "$call() executes a script as always" "$CALLS" $call "$TAP_TMP/bin/script" z
done
for call in execveat-fd fexecve fexecve-cloexec fexecve-path execveat-dir execveat-absolute; do
    same 1 "$call starts a program with a set prebuilt" "$CALLS" $call "$HELLO" 1 2
    same 1 "$call: its auxiliary vector is a plain start's" "$CALLS" $call "$FIX/auxv" 1 2
    same 0 "$call executes a program without a set" "$CALLS" $call "$FIX/empty"
    same 0 "$call gives the same error for a text file, one that may not be executed, a directory, no file" \
        bash -c 'for file in "$2/bin/bare-script" "$2/none/by-name" /usr/bin /no/such; do "$0" "$1" "$file"; done' "$CALLS" $call "$TAP_TMP"
    same 0 "$call executes a script as always" "$CALLS" $call "$TAP_TMP/bin/script" z
    same 1 "$call leaves no descriptor open but the caller's" "$CALLS" $call /bin/dash -c 'echo /proc/self/fd/*'
    same 0 "$call: where the set does not hold, the program starts plainly" \
        bash -c 'ulimit -s 512; exec "$0" "$1" "$2" 1 2' "$CALLS" $call "$HELLO"
done
for call in fexecve-memfd resetids; do
    same 0 "$call executes the program as it is" "$CALLS" $call "$HELLO" 1 2
done
for call in fexecve-closed execveat-empty execveat-flag execveat-file execveat-no-path; do
    same 0 "$call gives the same error or does the same" "$CALLS" $call "$HELLO"
done
ln -s "$HELLO" "$TAP_TMP/link"
same 1 "execveat-dir follows a link" "$CALLS" execveat-dir "$TAP_TMP/link" x
same 0 "execveat-nofollow does not" "$CALLS" execveat-nofollow "$TAP_TMP/link" x
same 0 "execveat-nofollow of a file passes through" "$CALLS" execveat-nofollow "$HELLO" x
is "$(in_tree "$CALLS" fexecve-cloexec /bin/cat /proc/self/comm 2>/dev/null)" cat "a program that fexecve started has its file's name"
same 0 "fexecve of a file that another one replaced executes it" \
    bash -c 'cp "$1" "$2/old" && cp "$3" "$2/new" && "$0" fexecve-replaced "$2/old" "$2/new"' "$CALLS" "$HELLO" "$TAP_TMP" "$FIX/empty"
same 0 "fexecve of a deleted file executes it" bash -c 'cp "$1" "$2/gone" && "$0" fexecve-deleted "$2/gone" x' "$CALLS" "$HELLO" "$TAP_TMP"
same 0 "a program that is executed without arguments gets none" "$CALLS" no-arguments "$HELLO"
same 0 "a path that cannot be read is EFAULT" "$CALLS" bad-path "$HELLO"
same 1 "a child of vfork() executes" "$CALLS" vfork "$HELLO" v
same 100 "four threads spawn programs at once" "$CALLS" threads "$HELLO"
same 2 "system() runs a command by a prebuilt shell" "$CALLS" system "$HELLO one; exit 3"
same 1 "system() tells of a command that a signal ended" "$CALLS" system 'kill -TERM $$'
same 0 "system(NULL) tells that there is a shell" "$CALLS" system-null x
same 2 "popen() reads from a prebuilt shell" "$CALLS" popen-r "$HELLO one; exit 5"
same 4 "popen() writes to one, while another one is open" "$CALLS" popen-w 'cat; exit 6'
same 1 "pclose() tells that the rest could not be written" "$CALLS" popen-in-vain 'exit 0'
same 1 "and rather how the shell ended" "$CALLS" popen-in-vain 'exit 4'
same 0 "popen() refuses a mode that is none" "$CALLS" popen-mode x

same 0 "dlerror-realpath: what dlerror() has to tell outlasts it" "$CALLS" dlerror-realpath x
same 1 "dlerror-system: likewise" "$CALLS" dlerror-system x
for call in dlerror-spawn dlerror-spawnp; do
    same 1 "$call: likewise, of a program with a set" "$CALLS" $call "$HELLO" x
    same 0 "$call: of one without" "$CALLS" $call /usr/bin/true x
done
same some "a thread that a library's constructor waits for starts programs" timeout 20 "$CALLS" dlopen "$FIX/libspawns.so"
is "$(LD_PRELOAD="$SHIM $FIX/libbehind.so" "$CALLS" system 'exit 3'; LD_PRELOAD="$SHIM $FIX/libbehind.so" "$CALLS" dlerror-realpath x | head -n 1)" \
    "system 4200"$'\n'0 "an interposer behind the shim is called"

# Descriptors and what else execve keeps.
same 1 "an open descriptor is inherited, one with FD_CLOEXEC is not, and none is left open" \
    bash -c 'exec 8</dev/null; exec "$0" execve /bin/dash -c "echo /proc/self/fd/*"' "$CALLS"
long=$(printf '%0.sx' {1..1000})
same 1 "a list of 200 KiB" bash -c 'args=(); for i in {1..200}; do args+=("$1"); done; exec "$0" execve /bin/dash -c "echo \$#" "${args[@]}"' "$CALLS" "$long"
same 0 "a list of more arguments than the shim copies" \
    bash -c 'exec "$0" execve /bin/dash -c "echo \$#" {1..5000}' "$CALLS"
same 0 "a list that is too long is E2BIG" \
    bash -c 'args=(); for i in {1..3000}; do args+=("$1"); done; exec "$0" execve /bin/dash -c : "${args[@]}"' "$CALLS" "$long"

# What stays outside of the tree.
same 0 "env -i: the child is outside of the tree" bash -c 'env -i "$0" x' "$HELLO"
same 0 "without LD_PRELOAD the child is outside of the tree" bash -c 'unset LD_PRELOAD; exec "$0" execve "$1" x' "$CALLS" "$HELLO"
same 1 "with other variables it stays inside" bash -c 'env VARIABLE=1 "$0" x' "$HELLO"
for variable in LD_LIBRARY_PATH=/none MALLOC_ARENA_MAX=1 GLIBC_TUNABLES= DYLD_UNKNOWN=1 DYLD_USE_CLOSURES=0 LD_BIND_NOW=1; do
    same 0 "$variable: the child starts plainly" bash -c 'export "$2"; exec "$0" execve "$1" x' "$CALLS" "$HELLO" "$variable"
done
NORMALISE=(grep -v '^preloaded$')
same 0 "another library beside the shim: the child starts plainly" \
    bash -c '[[ -z $LD_PRELOAD ]] || export LD_PRELOAD="$LD_PRELOAD:$2"; exec "$0" execve "$1" x' "$CALLS" "$HELLO" "$FIX/libpreload.so"
NORMALISE=(cat)
is "$(LD_PRELOAD=$SHIM "$CALLS" execve "$FIX/shim_api" | head -n 1)" "prebuilt 0 reason no-set" "a program without a set starts plainly, with the shim, and knows why"
for reason in disabled:DYLD_USE_CLOSURES=0 disabled:DYLD_SHARED_REGION=avoid environment:DYLD_USE_CLOSURES=1 environment:MALLOC_ARENA_MAX=1 \
    no-cache:DYLD_SHARED_CACHE_DIR=/none; do
    is "$(LD_PRELOAD=$SHIM "$CALLS" execve /usr/bin/env "${reason#*:}" "$FIX/shim_api" | head -n 1)" "prebuilt 0 reason ${reason%%:*}" \
        "one that starts plainly for ${reason#*:} knows that"
done
"$DYLDCTL" --state "$STATE" deactivate >/dev/null
same 0 "without an activated region every child starts plainly" "$CALLS" execve "$HELLO" x
"$DYLDCTL" --state "$STATE" activate >/dev/null
same 1 "and prebuilt again afterwards" "$CALLS" execve "$HELLO" x
tap_done
