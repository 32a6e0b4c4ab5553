#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What a program that was started through ld-dyld.so sees of itself, what others see of it, and what it learns from
# the C API; ld-dyld.so as a command.
cd "$(dirname "$0")/../.." && . selftests/lib/shim_tree.sh

CALLS=$FIX/shim_calls
shim_state "$FIX"/{shim_self,shim_self_fortified,shim_self_fixed,shim_api,shim_apixx,hello,origin/bin/uses_lib,uses_lib_nobuildid} \
    "$FIX"/{auxv,empty_other,threads} /bin/dash /bin/sleep
NORMALISE=(sed -E 's/readlink, PID: [0-9]+/readlink, PID: N/; s#/proc/[0-9]+/#/proc/N/#')

for program in shim_self shim_self_fortified shim_self_fixed; do
    same 1 "$program: /proc/self/exe, name, command line, arguments and heap are a plain start's" "$CALLS" execve "$FIX/$program" one 'two three' ''
done
same 1 "with another argv[0]" "$CALLS" argv0 "$FIX/shim_self" one
same 3 "by a link, and by a relative path with the directory changed" bash -c 'cd "$1" && ln -sf "$0" link && ./link && cd / && "$1/link"; cd "$1" && exec "$2" execve ./link' \
    "$FIX/shim_self" "$TAP_TMP" "$CALLS"
same 1 "with setarch -R" setarch -R "$CALLS" execve "$FIX/shim_self"
same some "execve of /proc/self/exe executes the program again" "$CALLS" execve /bin/dash -c 'exec /proc/self/exe -c "exec /proc/self/exe -c \"echo \\\$0\""'
same 1 "\$ORIGIN means the program's directory" "$CALLS" execve "$FIX/origin/bin/uses_lib"
same 1 "a program without a build-id" "$CALLS" execve "$FIX/uses_lib_nobuildid"
same 1 "a program with threads" "$CALLS" execve "$FIX/threads"

# What others see.
watched() { # FILE of /proc/PID of a program that the shim started
    local pid result
    LD_PRELOAD=$SHIM "$CALLS" execve /bin/sleep 30 &
    pid=$!
    for _ in {1..100}; do
        [[ $(cat /proc/$pid/comm) == sleep ]] && break
        sleep 0.02
    done
    result=$(tr '\0' ' ' <"/proc/$pid/$1")
    kill $pid
    wait $pid 2>/dev/null
    echo "$result"
}
is "$(watched comm)" sleep "/proc/PID/comm is the program's name"
if [[ $(watched cmdline) == "/bin/sleep 30 " ]]; then
    pass "/proc/PID/cmdline is the program's command line"
elif zcat /proc/config.gz 2>/dev/null | grep -q '^CONFIG_CHECKPOINT_RESTORE=y'; then
    fail "/proc/PID/cmdline is the program's command line" "$(watched cmdline)"
else
    skip "/proc/PID/cmdline is the program's command line" "this kernel may have no PR_SET_MM_MAP"
fi

# The C API.
for program in shim_api shim_apixx; do
    output=$(in_tree "$CALLS" execve "$FIX/$program" 2>&1)
    uuid=$("$DYLDCTL" --state "$STATE" --json status | python3 -c 'import json, sys; print(json.load(sys.stdin)["generation"]["uuid"])')
    like "$output" "prebuilt 1 reason none" "$program: a prebuilt process knows that it is"
    like "$output" "uuid $uuid" "$program: and from which cache"
    like "$output" "uuid 1 region 1 of whole pages 1" "$program: and where the region lies"
    like "$output" "libc inside 1"$'\n'"libc in the region 1, not empty 1"$'\n'"images 0 some outside 1, some inside 1" "$program: images"
    like "$output" "own image 0 0"$'\n'"libc's image 0 1"$'\n'"no image -1" "$program: the image of an address"
    output=$(LD_PRELOAD=$SHIM "$FIX/$program")
    like "$output" "prebuilt 0 reason plain"$'\n'"uuid 0 region 0 of whole pages 1"$'\n'"libc inside 0" "$program: a plain start knows that, too"
    like "$output" "libc's image 0 0" "$program: and its images"
    is "$("$FIX/$program")" "no shim" "$program: without the shim there is no function"
done
is "$(LD_PRELOAD=$SHIM DYLD_UNKNOWN=1 run_prebuilt "$FIX/shim_api" | head -n 1)" "prebuilt 0 reason environment" \
    "a process knows the reason why ld-dyld.so gave way"
is "$(LD_PRELOAD=$SHIM run_prebuilt "$FIX/shim_api" | head -n 1)" "prebuilt 1 reason none" \
    "with ld-dyld.so in ld.so's place the sets with the shim are used"
is "$(DYLD_PRINT_LOADERS=1 LD_PRELOAD=$FIX/libpreload.so run_prebuilt "$FIX/hello" 2>&1 >/dev/null | head -n 1)" \
    "dyld: jit environment LD_PRELOAD" "another library in LD_PRELOAD is the reason environment"

# As a command.
LOADER=$STATE/ld-dyld.so
directly() { DYLD_PRINT_LOADERS=1 "$LOADER" "$@" 2>&1 | grep -a '^dyld: ' | sed 's/prebuilt .*/prebuilt/'; }
is "$(directly "$FIX/hello" x)" "dyld: prebuilt" "ld-dyld.so PROGRAM starts prebuilt"
is "$(directly --argv0 name "$FIX/hello" x)" "dyld: prebuilt" "with --argv0 too"
is "$("$LOADER" --argv0 name "$FIX/hello" x 2>&1 | grep -v '^env _=')" "$( (exec -a name "$FIX/hello" x 2>&1) | grep -v '^env _=')" "and the program gets that name"
is "$("$LOADER" --fd 9 --argv0 name /no/such/name x 9<"$FIX/hello" 2>&1 | grep -v '^env _=')" \
    "$( (exec -a name "$FIX/hello" x 2>&1) | grep -v '^env _=')" "with --fd it is the open file that starts, whatever it is called"
is "$("$LOADER" --fd 9 --argv0 name /dev/fd/9 -c 'echo $0 /proc/self/fd/*' 9</bin/dash)" "name $(/bin/dash -c 'echo /proc/self/fd/*')" \
    "which the program does not have open"
is "$("$LOADER" --fd 9 --argv0 name "$FIX/hello" x 9<"$FIX/script" 2>&1; echo $?)" 127 "and never another one"
is "$(directly "$FIX/lazy")" "dyld: jit no-set" "a program without a set: no-set"
is "$("$LOADER" "$FIX/auxv" 2>&1 | grep -v '^exe ')" "$("$FIX/auxv" 2>&1 | grep -v '^exe ')" "the auxiliary vector is the program's"
is "$(directly --list "$FIX/hello")" "dyld: jit direct" "another option is the genuine ld.so's"
like "$("$LOADER" --list "$FIX/hello")" "libc.so.6 => .*/libc.so.6" "which lists libraries"
is "$("$LOADER" "$FIX/script" 2>&1; echo $?)" "$(/lib64/ld-linux-x86-64.so.2 "$FIX/script" 2>&1 | sed 's#^/lib64/[^:]*#'"$FIX/script"'#'; echo 127)" \
    "a script is no program for it"
is "$(DYLD_USE_CLOSURES=2 "$LOADER" "$FIX/lazy" 2>&1; echo $?)" "dyld: jit no-set; not started: DYLD_USE_CLOSURES=2"$'\n'126 \
    "DYLD_USE_CLOSURES=2 holds for it"

# dyldctl.
like "$("$DYLDCTL" --state "$STATE" shim --env)" "^export LD_PRELOAD='$SHIM'\$" "dyldctl shim --env is a shell command"
is "$("$DYLDCTL" --state "$STATE" shim)" "$SHIM" "dyldctl shim prints the library"
like "$("$DYLDCTL" --state "$STATE" build "$FIX/hello")" "^nothing changed" "a build remembers the shim"
"$DYLDCTL" --state "$STATE" build --no-shim "$FIX/hello" >/dev/null 2>&1
not_ok "after build --no-shim there is none" "$DYLDCTL" --state "$STATE" shim
not_ok "nor a library" test -e "$SHIM"
tap_done
