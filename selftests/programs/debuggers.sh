#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Programs that look at other programs: gdb (launch, attach, core), valgrind, strace, perf.
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/both_ways.sh
use_fixture_state

# gdb's words without what differs from run to run.
plain_words() {
    sed -E 's/0x[0-9a-f]+/ADDRESS/g; s/(LWP|process|Thread) [0-9]+/\1 N/g; s/\[Inferior .*//; s/target://; /^warning: /d; /^dyld: /d;
            /debuginfod|^\[New |^Using host|^\[Thread /d' | sorted_libraries
}
# Lines of `info sharedlibrary` in the order of their names: gdb lists the ld.so of AT_BASE first, one that lies
# in the region where the link map has it.
sorted_libraries() {
    awk '/^ADDRESS +ADDRESS +(Yes|No)/ { lines[n++] = $0; next }
        { flush_lines() } { print }
        END { flush_lines() }
        function flush_lines(i) { fflush(); for (i = 0; i < n; i++) print lines[i] | "sort -k4"; if (n) close("sort -k4"); n = 0 }'
}
gdb_batch() { gdb -batch -nx -ex 'set debuginfod enabled off' -ex 'set pagination off' "$@"; }

# Launch
NORMALISE=(plain_words)
both 'prebuilt' "gdb stops at a breakpoint in a library and shows the way there" \
    gdb -batch -nx -ex 'set debuginfod enabled off' -ex 'set breakpoint pending on' -ex 'break fixture_call' -ex run \
    -ex backtrace -ex 'info symbol fixture_call' -ex 'print fixture_names' -ex continue "$FIX/uses_lib"
both 'prebuilt' "gdb shows libraries and thread-locals" \
    gdb -batch -nx -ex 'set debuginfod enabled off' -ex 'break main' -ex run -ex 'print tls_value' -ex 'info sharedlibrary' \
    -ex 'finish' "$FIX/uses_lib"
both 'prebuilt' "gdb steps from the program into a library's function" \
    gdb -batch -nx -ex 'set debuginfod enabled off' -ex 'break main' -ex run -ex 'tbreak fixture_answer' -ex continue \
    -ex step -ex backtrace "$FIX/uses_lib"
both 'prebuilt' "gdb catches a library that is loaded later" \
    gdb -batch -nx -ex 'set debuginfod enabled off' -ex 'set breakpoint pending on' -ex 'break plugin_answer' \
    -ex run -ex backtrace -ex 'info sharedlibrary' --args "$FIX/dl" "$FIX/libplugin.so"

# attach_words COMMAND...: starts it on a FIFO, lets gdb attach, prints what gdb says. What COMMAND says: waits.out.
attach_words() {
    local fifo=$TAP_TMP/fifo out=$TAP_TMP/waits.out pid tries
    rm -f "$fifo" && mkfifo "$fifo"
    "$@" <"$fifo" >"$out" 2>&1 &
    local job=$!
    exec 9<>"$fifo" # both: the byte is written by gdb's command
    for ((tries = 0; tries < 100; tries++)); do
        grep -q ready "$out" && break
        sleep 0.1
    done
    pid=$(pid_of_waits "$job")
    gdb_batch -p "$pid" -ex 'break wait_here' -ex 'thread apply all -q backtrace 4' -ex 'print wait_tls' \
        -ex 'thread 2' -ex 'print wait_tls' -ex 'print *fixture_tls()' -ex 'info sharedlibrary' \
        -ex 'break fixture_answer' -ex "shell echo x >$fifo" -ex continue -ex 'backtrace 2' -ex continue 2>&1
    exec 9>&-
    wait "$job"
    echo "exit code $?"
}
# The process that runs `waits`: the job itself, or below it when dyldctl stays as its parent.
pid_of_waits() {
    local pid=$1
    while [[ $(readlink "/proc/$pid/exe") != */waits ]]; do
        pid=$(cut -d' ' -f1 "/proc/$pid/task/$pid/children" 2>/dev/null)
        [[ -n $pid ]] || return 1
    done
    echo "$pid"
}
prebuilt_word() { decision_of "$(grep -a '^dyld: ' "$1" | tail -n 1)"; } # FILE: what its last line of ld-dyld.so says
plain=$(attach_words "$FIX/waits" | plain_words)
run_waits() { DYLD_PRINT_LOADERS=1 run_prebuilt "$FIX/waits"; }
shared=$(attach_words run_waits | plain_words)
is "$shared" "$plain" "gdb attaches: all threads' backtraces, thread-locals, libraries and a breakpoint in one are as usual"
is "$(prebuilt_word "$TAP_TMP/waits.out")" prebuilt "the program that it attached to had started from the cache"
like "$plain" 'wait_here.*fixture_call|fixture_call' "the plain backtrace has the library's frame"
like "$plain" 'Breakpoint 2, .*fixture_answer' "the plain program stops in the library's function"

# Core dump
core_words() { # DIR COMMAND...
    local core
    mkdir -p "$1"
    # A shell of its own, which says nothing about the abort.
    bash -c 'cd "$0" && ulimit -c unlimited && DYLD_PRINT_LOADERS=1 "$@" >words 2>&1; true' "$@" 2>/dev/null
    core=$(compgen -G "$1/core*") || { echo "no core"; return; }
    gdb_batch "$FIX/crash" "$core" -ex 'backtrace 8' -ex 'print crash_level' -ex 'info sharedlibrary' 2>&1
}
if [[ $(cat /proc/sys/kernel/core_pattern) == core* ]]; then
    plain=$(core_words "$TAP_TMP/core.plain" "$FIX/crash" | plain_words)
    shared=$(core_words "$TAP_TMP/core.shared" "$DYLDCTL" --state "$STATE" run -- "$FIX/crash" | plain_words)
    is "$(prebuilt_word "$TAP_TMP/core.shared/words")" prebuilt "the program that dumps core started from the cache"
    is "$shared" "$plain" "a core dump gives the same backtrace and thread-locals"
    like "$plain" crash_here "the plain backtrace has the crashing function"
else
    skip "a core dump gives the same backtrace" "core_pattern hands cores to another program"
fi

# The cache itself as an ELF
cache=$STATE/current/shared_cache
like "$(gdb_batch -ex 'info address fixture_call' "$cache" 2>&1)" 'Symbol .*fixture_call.* is .*at (address )?0x' "gdb opens the cache and finds a library's function"
like "$(nm "$cache" 2>&1 | grep -w fixture_call)" ' [Tt] ' "nm shows a library's function in the cache"
ok "readelf -SW reads the cache's sections" readelf -SW "$cache"

# Others
NORMALISE=(sed -E 's/==[0-9]+==/==N==/; s/0x[0-9a-fA-F]+/ADDRESS/g')
both 'jit environment.*' "valgrind runs a program" valgrind -q --error-exitcode=9 "$FIX/uses_lib"
both 'jit environment.*' "valgrind runs a C++ program" valgrind -q --error-exitcode=9 "$FIX/threads"
NORMALISE=(cat)
both 'prebuilt' "strace starts a program" strace -o "$TAP_TMP/strace" "$FIX/hello" 6
# The line of execve and that of exit_group are not start-up's.
strace_calls() { run_prebuilt strace -o "$TAP_TMP/strace" "$FIX/empty" && grep -cvE '^(execve|exit_group|\+\+\+)' "$TAP_TMP/strace"; }
calls=$(strace_calls)
if ((calls > 0 && calls <= 19)); then
    pass "at most 19 system calls before the first constructor of a program with libc only ($calls)"
else
    fail "at most 19 system calls before the first constructor of a program with libc only ($calls)" "$(cat "$TAP_TMP/strace")"
fi

# -B: else perf keeps hard links of the libraries in ~/.debug, which changes their ctime for every set there is.
perf_names() { # OUT: whether a profile of OUT names the library's function
    perf script -i "$1" 2>/dev/null | grep -q fixture_spin
}
if perf record -B -e cpu-clock -o "$TAP_TMP/perf.plain" "$FIX/spins" >/dev/null 2>&1 && perf_names "$TAP_TMP/perf.plain"; then
    is "$(decision perf record -B -e cpu-clock -o "$TAP_TMP/perf.shared" "$FIX/spins")" prebuilt "perf starts a program from the cache"
    ok "perf names a library's function that runs from the cache" perf_names "$TAP_TMP/perf.shared"
else
    skip "perf names a library's function that runs from the cache" "perf is missing or cannot sample cpu-clock here"
fi
tap_done
