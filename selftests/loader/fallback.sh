#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Plain starts through ld-dyld.so: same behaviour as ld.so, the stated reason, the environment's rules.
set -u
. selftests/loader/namespace.sh

S=$TAP_TMP/state
make_loader "$S" || exit 1

# same DESCRIPTION COMMAND...: exit code, output and errors are those of a plain start.
same() {
    local description=$1 plain shared
    shift
    set -- env -i PATH="$PATH" "$@" # a shell would change the order of the environment
    plain=$("$@" 2>&1 </dev/null; echo "status $?")
    shared=$(in_namespace "$S" "$@" 2>&1 </dev/null; echo "status $?")
    is "$shared" "$plain" "$description"
}

same "a C program" env -i A=1 "$FIX/hello" one 3
same "a C++ program with exceptions and iostream" "$FIX/cxx"
same "a program without an environment" env -i "$FIX/hello"
same "a program with 5000 arguments" sh -c "$FIX/hello \$(seq 5000) | md5sum"
same "a static program is left alone" "$FIX/static"
same "a static-pie program is left alone" "$FIX/static_pie"
same "a #! script" "$FIX/script" 4
same "a program with threads" "$FIX/threads"
same "dlopen and dlsym" "$FIX/dl"
same "a program without a build-id" "$FIX/uses_lib_nobuildid"
same "a non-PIE program" "$FIX/uses_lib_nonpie"
same "LD_PRELOAD works" env LD_PRELOAD="$FIX/libpreload.so" "$FIX/hello"
same "LD_LIBRARY_PATH works" env LD_LIBRARY_PATH="$FIX/other" "$FIX/uses_lib_nopath"
same "LD_AUDIT works" env LD_AUDIT="$FIX/libaudit.so" "$FIX/uses_lib"
same "an ASAN build" "$FIX/asan"
same "a TSAN build" "$FIX/tsan"
same "an unlimited stack" bash -c "ulimit -s unlimited; $FIX/hello 2"
same "no address randomisation" setarch -R "$FIX/hello" 2
same "python3" python3 -c 'import json, ssl, sys; print(json.dumps([1, sys.argv]))'
same "perl" perl -e 'use POSIX; print floor(2.5), "\n"'
same "a closed standard error" bash -c "$FIX/hello 1 2>&-"

# Reasons
is "$(decision "$S" "$FIX/empty")" "jit no-cache" "without a region the reason is no-cache"
is "$(DYLD_USE_CLOSURES=0 decision "$S" "$FIX/empty")" "jit disabled" "DYLD_USE_CLOSURES=0 disables"
is "$(LD_BIND_NOW=1 decision "$S" "$FIX/empty")" "jit environment LD_BIND_NOW" "LD_* is named, without its value"
is "$(LD_BIND_NOW=1 DYLD_USE_CLOSURES=0 decision "$S" "$FIX/empty")" "jit disabled" "disabled goes before environment"
is "$(GLIBC_TUNABLES=x=1 decision "$S" "$FIX/empty")" "jit environment GLIBC_TUNABLES" "GLIBC_TUNABLES is named"
is "$(MALLOC_ARENA_MAX=1 decision "$S" "$FIX/empty")" "jit environment MALLOC_ARENA_MAX" "MALLOC_* is named"
is "$(DYLD_INSERT_LIBRARIES=x decision "$S" "$FIX/empty")" "jit environment DYLD_INSERT_LIBRARIES" \
    "an unknown DYLD_* variable is named"
mkdir -p "$S/active"
head -c 8192 /dev/urandom >"$S/active/region"
is "$(decision "$S" "$FIX/empty")" "jit format" "a damaged region file is told as format"
rm -r "$S/active"

# DYLD_SHARED_CACHE_DIR
U=$TAP_TMP/user_state
mkdir -p "$U/active"
head -c 8192 /dev/urandom >"$U/active/region"
export DYLD_SHARED_CACHE_DIR=$U
is "$(decision "$S" "$FIX/empty")" "jit format" "DYLD_SHARED_CACHE_DIR names another state directory"
: >"$U/active/region"
is "$(decision "$S" "$FIX/empty")" "jit untrusted" "an empty region file is not read"
head -c 8192 /dev/urandom >"$U/active/region"
chmod 777 "$U"
is "$(decision "$S" "$FIX/empty")" "jit untrusted" "a directory that others can write is not trusted"
chmod 755 "$U"
chmod 664 "$U/active/region"
is "$(decision "$S" "$FIX/empty")" "jit untrusted" "a region file that the group can write is not trusted"
chmod 644 "$U/active/region"
chown nobody "$U/active/region"
is "$(decision "$S" "$FIX/empty")" "jit untrusted" "a region file of another user is not trusted"
is "$(decision "$S" setpriv --reuid nobody --clear-groups "$FIX/empty")" "jit format" \
    "the caller's own region file in root's directory is trusted"
chown root "$U/active/region"
chown nobody "$U"
is "$(decision "$S" "$FIX/empty")" "jit untrusted" "a directory of another user is not trusted"
is "$(cd "$TAP_TMP" && DYLD_SHARED_CACHE_DIR=user_state decision "$S" "$FIX/empty")" "jit untrusted" \
    "a relative directory is not trusted"
is "$(DYLD_SHARED_CACHE_DIR=/no/such decision "$S" "$FIX/empty")" "jit no-cache" "a missing directory has no cache"
unset DYLD_SHARED_CACHE_DIR

# Asking and insisting
out=$(DYLD_PRINT_LOADERS=only in_namespace "$S" "$FIX/hello" 0 2>&1)
is "$? $out" "1 dyld: jit no-cache" "DYLD_PRINT_LOADERS=only tells and does not run the program"
out=$(DYLD_USE_CLOSURES=2 in_namespace "$S" "$FIX/hello" 0 2>&1)
is "$?" 126 "DYLD_USE_CLOSURES=2 does not start a program without a set"
like "$out" '^dyld: jit no-cache; not started: DYLD_USE_CLOSURES=2$' "DYLD_USE_CLOSURES=2 says why"
is "$(DYLD_PRINT_LOADERS=0 in_namespace "$S" "$FIX/empty" 2>&1)" "" "DYLD_PRINT_LOADERS=0 is quiet"

# Set-user-ID programs
cp "$FIX/secure" "$TAP_TMP/secure"
chmod 4755 "$TAP_TMP/secure"
if setpriv --reuid nobody --clear-groups "$TAP_TMP/secure" | grep -q 'AT_SECURE 1'; then
    out=$(in_namespace "$S" setpriv --reuid nobody --clear-groups env DYLD_USE_CLOSURES=2 DYLD_PRINT_LOADERS=only \
        DYLD_SHARED_CACHE_DIR="$U" LD_LIBRARY_PATH=/x "$TAP_TMP/secure" 2>&1)
    like "$out" '^AT_SECURE 1, uid [0-9]+, euid 0'$'\n''LD_LIBRARY_PATH gone$' \
        "a set-user-ID program ignores all DYLD_* variables and stays quiet"
else
    skip "a set-user-ID program ignores all DYLD_* variables and stays quiet" "set-user-ID has no effect in $TAP_TMP"
fi

# As a command
is "$(env -i "$S/ld-dyld.so" "$FIX/hello" 7 2>&1; echo $?)" "$(env -i "$INTERPRETER" "$FIX/hello" 7 2>&1; echo $?)" \
    "ld-dyld.so PROGRAM behaves as ld.so PROGRAM"
like "$("$S/ld-dyld.so" --list "$FIX/uses_lib" 2>&1)" 'libc\.so\.6 => ' "ld-dyld.so --list works"
is "$(DYLD_PRINT_LOADERS=1 "$S/ld-dyld.so" "$FIX/empty" 2>&1)" "dyld: jit no-cache" "a start as a command tells its reason"
is "$(DYLD_PRINT_LOADERS=1 "$S/ld-dyld.so" --list "$FIX/empty" 2>&1 >/dev/null)" "dyld: jit direct" "what only ld.so can do is direct"

# Debuggers and tools
if command -v gdb >/dev/null; then
    out=$(in_namespace "$S" gdb -nx -batch -iex 'set debuginfod enabled off' -ex 'break fixture_answer' -ex run \
        -ex bt "$FIX/uses_lib" 2>&1)
    like "$out" '#0 .*fixture_answer.*#1 ' "gdb stops in a library" || diag "$out"
else
    skip "gdb stops in a library" "gdb is not installed"
fi
like "$(in_namespace "$S" ldd "$FIX/uses_lib")" 'libfixture\.so => ' "ldd works"

# Costs: what ld-dyld.so adds to a plain start in system calls
out=$(in_namespace "$S" strace -f -o "$TAP_TMP/strace" "$FIX/empty" 2>&1)
extra=$(sed '/^[0-9]* *brk(NULL)/,$d' "$TAP_TMP/strace" | grep -vc execve)
is "$extra" 2 "a plain start costs two more system calls" || diag "$(head -n 5 "$TAP_TMP/strace")"
tap_done
