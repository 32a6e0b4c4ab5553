#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the caller may have set: environment variables, argv[0], limits, personality, /etc/ld.so.preload.
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/both_ways.sh
# Users' own sets: none from the home of who runs this, and none left there.
export XDG_CACHE_HOME=$TAP_TMP/cache
use_fixture_state

# both_limited EXPECTED DESCRIPTION ULIMIT PROGRAM ARG...: like both, under a limit
both_limited() {
    local expected=$1 description=$2 limit=$3
    shift 3
    both "$expected" "$description" bash -c "ulimit $limit"' && exec "$0" "$@"' "$@"
}

both any "an empty environment" env -i "$FIX/hello" 3
both prebuilt "an environment of nothing but the print wish" env -i DYLD_PRINT_LOADERS=1 "$FIX/auxv"
like "$(run_prebuilt env -i cat /proc/self/maps)" shared_cache "a program without any environment uses the cache"
both prebuilt "another argv[0]" bash -c 'exec -a "some other name" "$0" 2' "$FIX/hello"
both prebuilt "an empty argv[0]" bash -c 'exec -a "" "$0" 2' "$FIX/auxv"
both prebuilt "2000 arguments and 2000 variables" bash -c 'for i in {1..2000}; do export V$i=$i; done; exec "$0" {1..2000} 5' "$FIX/hello"
both prebuilt "a relative path" bash -c 'cd "$(dirname "$0")" && exec ./auxv' "$FIX/auxv"
both prebuilt "a program found by PATH" env PATH="$FIX:$PATH" auxv
both prebuilt "closed standard streams" bash -c 'exec "$0" 4 <&- >&-' "$FIX/hello"
both prebuilt "all low descriptors taken" bash -c 'for f in {3..60}; do eval "exec $f</dev/null"; done; exec "$0"' "$FIX/auxv"

# Variables that change loading: plain ld.so does the work.
both 'jit environment.*' "LD_PRELOAD" env LD_PRELOAD="$FIX/libpreload.so" "$FIX/uses_lib"
both 'jit environment.*' "LD_LIBRARY_PATH with another library" env LD_LIBRARY_PATH="$FIX/other" "$FIX/uses_lib_nopath"
both 'jit environment.*' "LD_LIBRARY_PATH that changes nothing" env LD_LIBRARY_PATH=/nowhere "$FIX/uses_lib"
both 'jit environment.*' "LD_AUDIT" env LD_AUDIT="$FIX/libaudit.so" "$FIX/uses_lib"
both 'jit environment.*' "LD_BIND_NOW" env LD_BIND_NOW=1 "$FIX/uses_lib"
both 'jit environment.*' "LD_BIND_NOW and an unresolved function" env LD_BIND_NOW=1 "$FIX/unresolved"
NORMALISE=(sed -E 's/0x[0-9a-f]+/ADDRESS/g; s/^ *[0-9]+:/PID:/')
both 'jit environment.*|none' "LD_TRACE_LOADED_OBJECTS (ldd)" env LD_TRACE_LOADED_OBJECTS=1 "$FIX/uses_lib"
both 'jit environment.*' "LD_DEBUG=libs" env LD_DEBUG=libs "$FIX/uses_lib"
NORMALISE=(cat)
both 'jit environment.*' "GLIBC_TUNABLES" env GLIBC_TUNABLES=glibc.malloc.check=3 "$FIX/uses_lib"
both 'jit environment.*' "MALLOC_PERTURB_" env MALLOC_PERTURB_=7 "$FIX/uses_lib"

# Our own variables
like "$(DYLD_USE_CLOSURES=0 decision "$FIX/uses_lib")" '^jit disabled' "DYLD_USE_CLOSURES=0 means plain ld.so"
like "$(DYLD_SHARED_REGION=avoid decision "$FIX/uses_lib")" '^jit disabled$' "DYLD_SHARED_REGION=avoid means plain ld.so"
for value in use private; do
    is "$(DYLD_SHARED_REGION=$value decision "$FIX/uses_lib")" prebuilt "DYLD_SHARED_REGION=$value does not need the kernel module"
done
is "$(DYLD_SHARED_REGION=else decision "$FIX/uses_lib")" "jit environment DYLD_SHARED_REGION" \
    "DYLD_SHARED_REGION with an unknown value means plain ld.so"
is "$(DYLD_USE_CLOSURES=2 decision "$FIX/uses_lib")" prebuilt "DYLD_USE_CLOSURES=2 uses a set where there is one"
DYLD_USE_CLOSURES=2 run_prebuilt "$FIX/unresolved" >"$TAP_TMP/out" 2>&1
is "$?" 126 "DYLD_USE_CLOSURES=2 refuses to start a program without a set"
like "$(cat "$TAP_TMP/out")" 'no-set' "and says why"
DYLD_PRINT_LOADERS=only run_prebuilt "$FIX/hello" 9 >"$TAP_TMP/out" 2>"$TAP_TMP/err"
is "$? $(cat "$TAP_TMP/out")" "0 " "DYLD_PRINT_LOADERS=only starts nothing: prebuilt is exit code 0"
DYLD_PRINT_LOADERS=only run_prebuilt "$FIX/unresolved" >"$TAP_TMP/out" 2>"$TAP_TMP/err"
is "$? $(cat "$TAP_TMP/out")" "1 " "DYLD_PRINT_LOADERS=only starts nothing: JIT is exit code 1"
is "$(run_prebuilt "$FIX/uses_lib" 2>&1)" "$("$FIX/uses_lib" 2>&1)" "without DYLD_PRINT_LOADERS nothing is printed"

# Limits
both_limited 'jit address-order.*' "unlimited stack (mmap area bottom-up)" '-s unlimited' "$FIX/auxv"
both_limited 'jit address-space.*' "a stack limit of 256 KiB: libc's default thread stack is another" '-Ss 256' "$FIX/auxv"
for kib in 1024 16384 1000003; do
    both_limited prebuilt "a stack limit of $kib KiB reaches pthread's default" "-Ss $kib" "$FIX/auxv"
done
both_limited prebuilt "a stack limit of 8 GiB" '-Ss 8388608' "$FIX/auxv"
both_limited 'jit address-space.*' "RLIMIT_AS of 32 MiB" '-v 32768' "$FIX/uses_lib"
both_limited prebuilt "RLIMIT_AS of 1 GiB" '-v 1048576' "$FIX/uses_lib"
both_limited prebuilt "a limit of address space leaves room for what the program allocates" '-v 204800' "$FIX/allocates" 100
both_limited 'any' "RLIMIT_AS too small for anything" '-v 1500' "$FIX/empty"
both_limited prebuilt "RLIMIT_DATA of 1 MiB" '-d 1024' "$FIX/empty"
both_limited any "no descriptor left but the standard ones" '-n 3' "$FIX/static" 1
both_limited 'jit cache-file.*' "one descriptor left" '-n 4' "$FIX/hello" 1
both_limited prebuilt "two descriptors left" '-n 5' "$FIX/hello" 1
both_limited prebuilt "locked memory limit of 0" '-l 0' "$FIX/uses_lib"
both prebuilt "setarch -R (no address randomisation)" setarch -R "$FIX/auxv"
both 'jit address-order.*' "setarch --addr-compat-layout" setarch --addr-compat-layout "$FIX/auxv"
both prebuilt "setarch --read-implies-exec" setarch --read-implies-exec "$FIX/auxv"

# /etc/ld.so.preload, in a mount namespace with a copy of /etc
if ! unshare -m true 2>/dev/null; then
    skip "/etc/ld.so.preload appears" "no right to make a mount namespace"
else
    cp -a /etc "$TAP_TMP/etc"
    echo "$FIX/libpreload.so" >"$TAP_TMP/etc/ld.so.preload"
    # All else in /etc that sets depend on stays the very file.
    in_other_etc='mount --bind /etc/ld.so.cache "$0/ld.so.cache" && mount --rbind "$0" /etc && exec "$@"'
    both 'jit preload-file.*' "/etc/ld.so.preload that appeared is honoured" \
        unshare -m bash -c "$in_other_etc" "$TAP_TMP/etc" "$FIX/uses_lib"
fi
tap_done
