# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# ld-dyld.so in the interpreter's place in a private mount namespace, without dyldctl. Source it from a test
# script whose working directory is the tree's root; it sources tap.sh.

. selftests/lib/tap.sh

ROOT=$PWD
FIX=$ROOT/out/fixtures
export LC_ALL=C
for variable in ${!LD_*} ${!MALLOC_*} ${!GLIBC_TUNABLES*} ${!DYLD_*}; do
    unset "$variable"
done

((EUID == 0)) || skip_all "mount namespaces need root here"
unshare -m true 2>/dev/null || skip_all "unshare -m is not allowed here"

# The interpreter that programs of this machine name, and the file it is.
INTERPRETER=$(LC_ALL=C readelf -Wl "$FIX/hello" | sed -n 's/.*program interpreter: \(.*\)\]/\1/p')
GENUINE=$(realpath "$INTERPRETER")

# make_loader STATE [LDSO]: STATE with its ld-dyld.so and an empty placeholder for the genuine one.
make_loader() {
    mkdir -p "$1"
    : >"$1/genuine-ld.so"
    "$ROOT/out/bin/make-ld-dyld" --ldso "${2:-$GENUINE}" --stage1 "$ROOT/out/lib/dyld-stage1.bin" \
        --tail "$ROOT/out/lib/dyld-tail.bin" --state "$1" \
        --output "$1/ld-dyld.so"
}

# in_namespace STATE COMMAND...: COMMAND and its children start by STATE/ld-dyld.so. ALIAS is the file bound to
# STATE/genuine-ld.so first ("none": nothing).
in_namespace() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    STATE=$1 ALIAS=${ALIAS:-$GENUINE} INTERPRETER=$GENUINE unshare -m bash -c '
        [[ $ALIAS == none ]] || mount --bind "$ALIAS" "$STATE/genuine-ld.so" || exit 99
        mount --bind "$STATE/ld-dyld.so" "$INTERPRETER" || exit 99
        unset STATE ALIAS INTERPRETER
        exec "$@"' in_namespace "${@:2}"
}

# decision STATE COMMAND...: the last line of the loader about COMMAND, without "dyld: ".
decision() {
    DYLD_PRINT_LOADERS=1 in_namespace "$@" 2>&1 >/dev/null </dev/null | sed -n 's/^dyld: //p' | tail -n 1
}
