#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# ld.so and libc.so.6, as a pair and alone, are replaced, overwritten, deleted or mounted over after the build: the next
# start does what a plain one does, in a `dyldctl run` that began before as in a new one, and `why` names the file.
#
# Each case has a mount namespace with an overlay over the libraries' directory: this machine's files stay as they are.
cd "$(dirname "$0")/../.." || exit 1

loader=$(readlink -f /lib64/ld-linux-x86-64.so.2)
libraries=$(dirname "$loader")
libc=$libraries/libc.so.6

# A shell that waits for the change and then becomes the program: it needs no other program for that.
waiting_shell=': >"$0.ready"; read -r _ <"$0.go"; exec "$1"'
# start_waiting NAME COMMAND...: such a shell by COMMAND, its output in NAME.out, NAME.err, its exit code in NAME.status
start_waiting() {
    local name=$1 program=$2
    shift 2
    mkfifo "$name.go"
    { "$@" bash -c "$waiting_shell" "$name" "$program" >"$name.out" 2>"$name.err"; echo "$?" >"$name.status"; } &
    until [[ -e $name.ready ]]; do sleep 0.02; done
}

# change HOW FILE...: the files of $new take the places of those of the same name
change() {
    local how=$1 file
    shift
    for file in "$@"; do
        case $how in
        replaced) cp "$new/${file##*/}" "$file.new" && mv -f "$file.new" "$file" ;;
        overwritten) dd if="$new/${file##*/}" of="$file" bs=4M conv=notrunc status=none ;;
        mounted) mount --bind "$new/${file##*/}" "$file" ;;
        deleted) removed+=("$file") ;;
        esac || exit 1
    done
    [[ $how != deleted ]] || rm -f "${removed[@]}" # at once: afterwards there is no rm
}

# Inside the namespace: fills the directory DIR with what happened.
run_case() { # DIR PROGRAM HOW FILE...
    local dir=$1 program=$2 how=$3 ctl=("$DYLDCTL" --state "$1/state") removed=()
    shift 3
    mkdir "$dir/upper" "$dir/work"
    mount --make-rshared / # as init does: a `run` sees what is mounted later
    mount -t overlay overlay -o "lowerdir=$libraries,upperdir=$dir/upper,workdir=$dir/work" "$libraries" || exit 1
    "${ctl[@]}" build "$program" /usr/bin/bash >"$dir/build.log" 2>&1 || exit 1
    export DYLD_PRINT_LOADERS=1
    "${ctl[@]}" run -- "$program" >/dev/null 2>"$dir/before.err"
    start_waiting "$dir/plain" "$program" env
    start_waiting "$dir/old" "$program" "${ctl[@]}" run --
    change "$how" "$@"
    echo >"$dir/plain.go"
    echo >"$dir/old.go"
    wait
    [[ $how != deleted ]] || exit 0 # nothing dynamic can start
    "${ctl[@]}" run -- "$program" >"$dir/new.out" 2>"$dir/new.err"
    echo "$?" >"$dir/new.status"
    DYLD_USE_CLOSURES=2 "${ctl[@]}" run -- "$program" >"$dir/must.out" 2>"$dir/must.err"
    echo "$?" >"$dir/must.status"
    "${ctl[@]}" why "$program" >"$dir/why" 2>&1
    if "${ctl[@]}" build "$program" >>"$dir/build.log" 2>&1; then
        "${ctl[@]}" run -- "$program" >/dev/null 2>"$dir/after.err"
    fi
    "${ctl[@]}" clean >/dev/null 2>&1
}

new=${TAP_TMP:+$TAP_TMP/new}
if [[ ${1-} == --case ]]; then
    shift
    run_case "$@"
    exit
fi

. selftests/lib/both_ways.sh
((EUID == 0)) || skip_all "needs root to mount"
unshare -m true 2>/dev/null || skip_all "unshare -m is not allowed here"
export DYLDCTL TAP_TMP
new=$TAP_TMP/new
mkdir "$new"
upgraded() { # FILE COPY: same code, another build-id (bytes of the note's descriptor flipped)
    local offset
    cp "$1" "$2"
    offset=$(readelf -SW "$1" | sed -n 's/.*\.note\.gnu\.build-id *NOTE *[0-9a-f]* \([0-9a-f]*\) .*/\1/p')
    printf 'upgraded' | dd of="$2" bs=1 seek=$((16#$offset + 16)) conv=notrunc status=none
}
for file in "$loader" "$libc"; do
    upgraded "$file" "$new/${file##*/}"
done

nth_decision() { decision_of "$(grep -a '^dyld: ' "$2" | sed -n "$1p")"; } # N FILE
same_as_plain() { # NAME DESCRIPTION
    local stream problems=""
    for stream in out err status; do
        diff -a <(grep -av '^dyld: ' "$dir/plain.$stream" | sed "s#$dir/plain#NAME#g") \
            <(grep -av '^dyld: ' "$dir/$1.$stream" | sed "s#$dir/$1#NAME#g") >"$dir/diff" ||
            problems+="$stream: $(cat "$dir/diff")"$'\n'
    done
    is "$problems" "" "$2"
}

# expect OLD NEW WHAT HOW FILE...: OLD and NEW are extended regexes for the decisions in a session that began before
# the change and in a new one.
expect() {
    local old=$1 new_start=$2 what=$3
    shift 3
    dir=$TAP_TMP/case.$((TAP_COUNT + 1))
    mkdir "$dir"
    if ! unshare -m bash "$0" --case "$dir" "$FIX/uses_lib" "$@" 2>"$dir/case.err"; then
        fail "$what: the case can be made" "$(cat "$dir/case.err" "$dir/build.log")"
        return
    fi
    quietly "$DYLDCTL" --state "$dir/state" clean
    is "$(nth_decision 1 "$dir/before.err")" prebuilt "$what: prebuilt before"
    same_as_plain old "$what: in a session that began before, the program does what a plain one does"
    like "$(nth_decision 2 "$dir/old.err")" "^($old)\$" "$what: and it started as it should"
    [[ $1 == deleted ]] && return
    same_as_plain new "$what: in a new session, too"
    like "$(nth_decision 1 "$dir/new.err")" "^jit $new_start\$" "$what: by plain ld.so, with the reason"
    like "$(cat "$dir/why")" "^$new_start\$" "$what: why gives the same reason and names the file"
    is "$(cat "$dir/must.status")" 126 "$what: DYLD_USE_CLOSURES=2 does not start it"
    is "$(nth_decision 1 "$dir/after.err")" prebuilt "$what: a build takes it in"
}

# Replacing or deleting ld.so by rename or unlink takes the mount over it away: "none" of ld-dyld.so is left.
loader_changed="loader-changed $loader"
libc_changed="library-changed .*/libc\\.so\\.6"
expect 'none' "$loader_changed" "pair replaced" replaced "$loader" "$libc"
expect 'none' "$loader_changed" "ld.so replaced" replaced "$loader"
expect "jit $libc_changed" "$libc_changed" "libc replaced" replaced "$libc"
expect "jit $libc_changed" "$loader_changed" "pair overwritten in place" overwritten "$loader" "$libc"
# (docs/decisions/0008-loader-by-libc.md)
expect 'prebuilt' "$loader_changed" "ld.so overwritten in place" overwritten "$loader"
expect "jit $libc_changed" "$libc_changed" "libc overwritten in place" overwritten "$libc"
expect "jit $libc_changed" "$loader_changed" "pair mounted over" mounted "$loader" "$libc"
expect 'prebuilt' "$loader_changed" "ld.so mounted over" mounted "$loader"
expect "jit $libc_changed" "$libc_changed" "libc mounted over" mounted "$libc"
expect 'none' '' "pair deleted" deleted "$loader" "$libc"
expect 'none' '' "ld.so deleted" deleted "$loader"
expect "jit $libc_changed" '' "libc deleted" deleted "$libc"
tap_done
