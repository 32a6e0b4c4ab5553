#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Whatever changes on disk after the build, the next start is right, and `dyldctl why` names the file.
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/both_ways.sh

# The program under test, with all that may change about it, in a directory of its own.
app=$TAP_TMP/app
prog=$app/bin/uses_lib
fresh_app() {
    rm -rf "$app"
    mkdir -p "$app/bin"
    cp "$FIX/shadow/bin/uses_lib" "$app/bin/"
    cp "$FIX/uses_lib_nobuildid" "$FIX/libfixture.so" "$app/"
}
rebuild() { "$DYLDCTL" --state "$STATE" build "$prog" "$app/uses_lib_nobuildid" /usr/bin/true >"$TAP_TMP/rebuild.log" 2>&1; }
reset_app() { # and the state: everything is as built
    fresh_app
    rebuild || diag "$(cat "$TAP_TMP/rebuild.log")"
    is "$(decision "$prog")" prebuilt "before: $1"
}
why() { "$DYLDCTL" --state "$STATE" why "$@" 2>&1; }

fresh_app
private_state "$prog" "$app/uses_lib_nobuildid" /usr/bin/true

reset_app "a library is replaced"
cp "$FIX/other/libfixture.so" "$app/new" && mv "$app/new" "$app/libfixture.so"
both 'jit library-changed.*' "a replaced library is used" "$prog"
like "$(why "$prog")" "^library-changed.*$app/libfixture.so" "why names the replaced library"
like "$(run_prebuilt "$prog")" 'answer 43' "the new library answers"
ok "a build takes the new library in" rebuild
both prebuilt "after the build the program starts from the cache again" "$prog"
like "$(run_prebuilt "$prog")" 'answer 43' "with the new library"

reset_app "a library is overwritten in place and its times are restored"
touch -r "$app/libfixture.so" "$TAP_TMP/times"
cat "$FIX/other/libfixture.so" >"$app/libfixture.so"
touch -r "$TAP_TMP/times" "$app/libfixture.so"
both 'jit library-changed.*' "a library overwritten in place is noticed though its mtime is as before" "$prog"
like "$(why "$prog")" "^library-changed.*$app/libfixture.so" "why names the overwritten library"

fresh_app
mv "$app/libfixture.so" "$app/libfixture.so.1" && ln -s libfixture.so.1 "$app/libfixture.so"
ok "a program whose library is found by a link is built" rebuild
both prebuilt "it starts from the cache" "$prog"
cp "$FIX/other/libfixture.so" "$app/libfixture.so.2" && ln -sfn libfixture.so.2 "$app/libfixture.so"
both 'jit library-changed.*' "a link that now names another library is noticed though the old one is there" "$prog"
like "$(why "$prog")" "^library-changed.*$app/libfixture.so" "why names the link"

reset_app "a library is deleted"
rm "$app/libfixture.so"
both 'jit library-changed.*' "a deleted library is missed as usual" "$prog"
like "$(why "$prog")" "^library-changed.*$app/libfixture.so" "why names the deleted library"

reset_app "a library is shadowed"
mkdir "$app/bin/first" && cp "$FIX/other/libfixture.so" "$app/bin/first/"
both 'jit library-shadowed.*' "a library that appears earlier in the search path wins" "$prog"
like "$(why "$prog")" "^library-shadowed.*$app/bin/first" "why names the new file"

reset_app "libc is shadowed"
mkdir "$app/bin/first" && cp "$(ldd "$prog" | sed -n 's/.*libc\.so\.6 => \([^ ]*\) .*/\1/p')" "$app/bin/first/"
both 'jit library-shadowed.*' "a libc that appears earlier in the search path wins" "$prog"
like "$(why "$prog")" "^library-shadowed.*$app/bin/first" "why names the place"

reset_app "a library is bind-mounted over"
both 'jit library-changed.*' "inside a mount namespace another library is noticed" \
    unshare -m bash -c 'mount --bind "$0" "$1" && exec "$2"' "$FIX/other/libfixture.so" "$app/libfixture.so" "$prog"
both prebuilt "outside that mount namespace nothing has changed" "$prog"

reset_app "the program is replaced"
cp "$FIX/hello" "$app/new" && mv "$app/new" "$prog"
both 'jit (no-set|program-changed).*' "another program under the same path is another program" "$prog"
like "$(why "$prog")" "^program-changed.*$prog" "why says so and names it"

reset_app "the program is overwritten in place"
cat "$FIX/uses_lib_now" >"$prog"
both 'jit (no-set|program-changed).*' "a program overwritten in place is noticed" "$prog"
like "$(why "$prog")" "^program-changed.*$prog" "why says so and names it"

# Without /proc only the executed path tells which file runs.
without_proc=(unshare -m bash -c 'umount -l /proc && exec "$@"' without_proc)
if "${without_proc[@]}" /usr/bin/true 2>/dev/null; then
    cp "$FIX/hello" "$app/hello"
    printf '#!%s\n' "$app/hello" >"$app/script" && chmod +x "$app/script"
    ok "a program that does not use \$ORIGIN is built" "$DYLDCTL" --state "$STATE" build "$app/hello"
    both prebuilt "without /proc it starts from the cache" "${without_proc[@]}" "$app/hello" 4
    both 'jit program-changed.*' "without /proc the interpreter of a #! script starts by plain ld.so" \
        "${without_proc[@]}" "$app/script" 4
    sed 's/arguments, invoked/ARGUMENTS, invoked/' "$app/hello" >"$app/copy" # the build-id stays
    cat "$app/copy" >"$app/hello"
    not_ok "the program is overwritten in place" cmp -s "$FIX/hello" "$app/hello"
    both 'jit program-changed.*' "without /proc that is noticed though the build-id is as before" \
        "${without_proc[@]}" "$app/hello" 4
else
    skip "a program is overwritten in place without /proc" "no right to make a mount namespace"
fi

reset_app "the program is bind-mounted over"
mounted_over='mount --bind "$0" "$1" && shift && exec "$@"'
both 'jit (no-set|program-changed).*' "inside a mount namespace another program is noticed" \
    unshare -m bash -c "$mounted_over" "$FIX/hello" "$prog" "$prog"
like "$(unshare -m bash -c "$mounted_over" "$FIX/hello" "$prog" "$DYLDCTL" --state "$STATE" why "$prog")" \
    "^program-changed.*$prog" "why says so and names it"
both prebuilt "outside that mount namespace nothing has changed" "$prog"

reset_app "a program without build-id is edited in place"
touch -r "$app/uses_lib_nobuildid" "$TAP_TMP/times"
sed -i.old 's/function pointer/FUNCTION POINTER/' "$app/uses_lib_nobuildid"
cat "$app/uses_lib_nobuildid" >"$app/copy" # sed -i made a new file: write the old one instead
mv "$app/uses_lib_nobuildid.old" "$app/uses_lib_nobuildid"
cat "$app/copy" >"$app/uses_lib_nobuildid"
touch -r "$TAP_TMP/times" "$app/uses_lib_nobuildid"
both 'jit program-changed.*' "an edit of a program without build-id is noticed" "$app/uses_lib_nobuildid"
like "$(run_prebuilt "$app/uses_lib_nobuildid")" 'FUNCTION POINTER' "the edited program runs"

reset_app "the program is deleted while it is known"
rm "$prog"
run_prebuilt "$prog" >/dev/null 2>&1
is "$?" 127 "a deleted program is not found"

# ld.so and libc, as an upgrade replaces them: copies with other build-ids.
loader=$(readlink -f /lib64/ld-linux-x86-64.so.2)
libc=$(dirname "$loader")/libc.so.6
upgraded() { # FILE COPY: same code, another build-id (bytes of the note's descriptor flipped)
    local offset
    cp "$1" "$2"
    offset=$(readelf -SW "$1" | sed -n 's/.*\.note\.gnu\.build-id *NOTE *[0-9a-f]* \([0-9a-f]*\) .*/\1/p')
    printf 'upgraded' | dd of="$2" bs=1 seek=$((16#$offset + 16)) conv=notrunc status=none
}
reset_app "ld.so and libc are replaced"
# An overlay in a mount namespace shows other files under their paths, as dpkg's renames do; a bind mount over
# ld.so itself would be taken for one of dyldctl's own.
mkdir -p "$TAP_TMP/upper" "$TAP_TMP/work"
upgraded "$loader" "$TAP_TMP/upper/$(basename "$loader")" && upgraded "$libc" "$TAP_TMP/upper/libc.so.6"
chmod 755 "$TAP_TMP/upper"/*
in_upgraded_system='
    mount -t overlay overlay -o "lowerdir=$1,upperdir=$0/upper,workdir=$0/work" "$1" && shift && exec "$@"'
upgrade_run() { unshare -m bash -c "$in_upgraded_system" "$TAP_TMP" "$(dirname "$loader")" "$@"; }
if upgrade_run true 2>/dev/null; then
    line=$(DYLD_PRINT_LOADERS=1 upgrade_run "$DYLDCTL" --state "$STATE" run -- "$prog" 2>&1 >"$TAP_TMP/out" |
        grep -a '^dyld: ' | tail -n 1)
    is "$(cat "$TAP_TMP/out")" "$("$prog")" "after an upgrade of ld.so and libc the program runs"
    like "$(decision_of "$line")" '^jit (loader-changed|library-changed).*(ld-linux|libc\.so)' "and not from the old cache"
    like "$(upgrade_run "$DYLDCTL" --state "$STATE" why "$prog" 2>&1)" \
        '^(loader-changed|library-changed).*(ld-linux|libc\.so)' "why names the file"
    maps=$(upgrade_run "$DYLDCTL" --state "$STATE" run -- cat /proc/self/maps | grep -c "$(stat -c %i "$TAP_TMP/upper/$(basename "$loader")")")
    ok "the new ld.so is the one that runs" test "$maps" -gt 0
    ok "a build after the upgrade succeeds" upgrade_run "$DYLDCTL" --state "$STATE" build "$prog"
    line=$(DYLD_PRINT_LOADERS=1 upgrade_run "$DYLDCTL" --state "$STATE" run -- "$prog" 2>&1 >/dev/null | grep -a '^dyld: ')
    is "$(decision_of "$line")" prebuilt "and then the program starts from the cache with the new pair"
    ok "back to the old pair" rebuild
else
    skip "ld.so and libc are replaced" "no right to mount an overlay"
fi
upgraded "$libc" "$TAP_TMP/libc.so.6"
both 'jit library-changed.*libc\.so\.6' "libc alone replaced, under the namespace of dyldctl run" \
    unshare -m bash -c 'mount --bind "$0/libc.so.6" "$1" && exec "$2"' "$TAP_TMP" "$libc" "$prog"
both prebuilt "outside, the old pair is still in use" "$prog"

# /etc/ld.so.cache
cp /etc/ld.so.cache "$TAP_TMP/ld.so.cache"
both 'jit ld-cache-changed.*' "another /etc/ld.so.cache is noticed" \
    unshare -m bash -c 'mount --bind "$0/ld.so.cache" /etc/ld.so.cache && exec "$1"' "$TAP_TMP" "$prog"

# What dyldctl made is gone
reset_app "the activated region is gone, as after a reboot"
rm -rf "$(readlink -f "$STATE/active")"
both 'jit no-cache.*' "without an activated region programs start by plain ld.so" "$prog"
like "$(why "$prog")" '^no-cache' "why says so"
ok "a build activates again" rebuild
both prebuilt "and programs start from the cache" "$prog"

reset_app "the cache file is gone"
rm "$STATE/current/shared_cache"
both 'jit cache-file.*' "without its cache file programs start by plain ld.so" "$prog"
ok "a build makes a new one" rebuild
both prebuilt "and programs start from the cache again" "$prog"

ok "clean removes everything" "$DYLDCTL" --state "$STATE" clean
not_ok "nothing of the state directory is left" test -e "$STATE/current"
# The same program twice: of one the library cannot be taken in.
mkdir "$TAP_TMP/rejected"
cp "$FIX/uses_lib" "$FIX/execstack/libfixture.so" "$TAP_TMP/rejected/"
fresh_app
cp "$FIX/uses_lib" "$app/"
private_state "$app/uses_lib" "$TAP_TMP/rejected/uses_lib"
is "$(decision "$app/uses_lib")" prebuilt "a program starts from the cache though its twin was rejected"
like "$(why "$TAP_TMP/rejected/uses_lib")" '^exec-stack' "why tells the twin's own rejection"
cp "$FIX/hello" "$TAP_TMP/new" && mv "$TAP_TMP/new" "$TAP_TMP/rejected/uses_lib"
like "$(why "$TAP_TMP/rejected/uses_lib")" '^no-set changed since it was rejected \(exec-stack\)' "and that it is no longer that program"

tap_done
