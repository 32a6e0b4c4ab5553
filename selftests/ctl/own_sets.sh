#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Users' own sets: made, found, pruned, never used by or for anybody else, refused where damaged or planted.
cd "$(dirname "$0")/../.." || exit 1
user=12345
other=12346
. selftests/lib/own_sets.sh
own_sets_place
own_file() { find "$own_dir" -name '*.set' | head -n 1; }
# decision PROGRAM...: what a start by the user was decided to be; XDG: their XDG_CACHE_HOME
decision() {
    local line
    line=$(DYLD_PRINT_LOADERS=1 run_prebuilt env HOME="$TAP_TMP/home" XDG_CACHE_HOME="${XDG-}" \
        setpriv --reuid=$user --regid=$user --clear-groups -- "$@" 2>&1 >/dev/null </dev/null | grep -a '^dyld: ' | tail -n 1)
    case $line in
    "dyld: prebuilt "*" own") echo own ;;
    *) decision_of "$line" ;;
    esac
}

# --- made and used
is "$(decision "$app")" "jit no-set" "before: the activation has no set of the program"
like "$(build_set "$app")" "^saved $app: $own_dir/" "a user makes a set of their own"
is "$(decision "$app")" own "and the next start uses it"
is "$(stat -c '%a %u' "$own_dir")" "700 $user" "the directory is closed to others"
is "$(stat -c '%a %u %h' "$(own_file)")" "600 $user 1" "and so is the file"
like "$(basename "$(own_file)")" '^[0-9a-f]{16}-[0-9a-f]{16}-[0-9a-f]{16}\.set$' "its name is made of hashes"
ok "the directory is marked as a cache" grep -q 8a477f597d28d172789f06886806bc55 "$own_dir/CACHEDIR.TAG"
is "$(run_prebuilt env HOME="$TAP_TMP/home" setpriv --reuid=$user --regid=$user --clear-groups "$app" one two 2>&1 | head -n 3)" \
    "$("$app" one two 2>&1 | head -n 3)" "the program does the same"
like "$(build_set "$app")" '^up-to-date ' "a second request finds it"
before=$(stat -c %i "$(own_file)")
like "$(build_set --again "$app")" '^saved ' "--again makes it again"
ok "as a new file" test "$before" != "$(stat -c %i "$(own_file)")"

ln -s hello "$TAP_TMP/bin/link"
is "$(decision "$TAP_TMP/bin/link")" own "it is used through a symlink"
is "$(cd "$TAP_TMP/bin" && decision ./hello)" own "and by a relative path"
printf '#!%s\n' "$app" >"$TAP_TMP/bin/script"
chmod 755 "$TAP_TMP/bin/script"
is "$(decision "$TAP_TMP/bin/script")" own "and for a script whose interpreter it is"
mkdir "$TAP_TMP/bin/twin"
cp "$app" "$TAP_TMP/bin/twin/hello"
is "$(decision "$TAP_TMP/bin/twin/hello")" "jit no-set" "a copy of the program has no set by that"
like "$(build_set "$TAP_TMP/bin/twin/hello")" '^saved ' "but gets one of its own"
is "$(decision "$TAP_TMP/bin/twin/hello") $(decision "$app")" "own own" "and neither replaces the other"
is "$(find "$own_dir" -name '*.set' | wc -l)" 2 "there are two files"
is "$(as $other "$TAP_TMP/otherhome" "$DYLDCTL" --state "$STATE" --json build-set "$app" | jq -r '.[0].word')" saved "another user makes their own, told as JSON"
is "$(run_prebuilt env HOME="$TAP_TMP/home" DYLD_PRINT_LOADERS=1 "$app" 2>&1 | grep '^dyld')" "dyld: jit no-set" "root does not use a user's"
mkdir "$TAP_TMP/roothome"
at_exit quietly env HOME="$TAP_TMP/roothome" XDG_CACHE_HOME='' "$DYLDCTL" clean --own
HOME=$TAP_TMP/roothome XDG_CACHE_HOME='' "$DYLDCTL" --state "$STATE" build-set "$app" >/dev/null
like "$(run_prebuilt env HOME="$TAP_TMP/roothome" XDG_CACHE_HOME= DYLD_PRINT_LOADERS=1 "$app" 2>&1 | grep '^dyld')" ' own$' "but root's own"
is "$(XDG=$TAP_TMP/roothome/.cache decision "$app")" "jit no-set" "which no user does"

# --- never built: one word each
word() { # WORD DESCRIPTION COMMAND...: the word, and exit code 3
    local wanted=$1 description=$2 output status=0
    shift 2
    output=$("$@" 2>&1) || status=$?
    is "${output%% *} $status" "$wanted 3" "$description"
}
ctl=(as_user "$DYLDCTL" --state "$STATE" build-set)
with() { # VARIABLE=VALUE PROGRAM
    as_user env "$1" "$DYLDCTL" --state "$STATE" build-set "$2"
}
fresh=$TAP_TMP/bin/fresh
cp "$FIX/auxv" "$fresh"
cp "$FIX/hello" "$TAP_TMP/bin/suid"
chmod 4755 "$TAP_TMP/bin/suid"
word environment "LD_* means no set: environment" with LD_LIBRARY_PATH=/nowhere "$fresh"
word environment "DYLD_* that asks for something too" with DYLD_INSERT_LIBRARIES=/nowhere.so "$fresh"
word environment "DYLD_SHARED_REGION too, where its value is unknown" with DYLD_SHARED_REGION=other "$fresh"
like "$(with DYLD_SHARED_REGION=private "$app")" '^(saved|up-to-date) ' "but not with a value that a start knows"
word environment "GLIBC_TUNABLES too" with GLIBC_TUNABLES=glibc.malloc.check=1 "$fresh"
word interposed "LD_PRELOAD means interposing: interposed" with LD_PRELOAD="$FIX/libfixture.so" "$fresh"
word secure "a set-user-ID program: secure" "${ctl[@]}" "$TAP_TMP/bin/suid"
word static "a static program: static" "${ctl[@]}" "$FIX/static"
word unplanned-library "a program of a library that the cache has not: unplanned-library" "${ctl[@]}" "$FIX/cxx"
word not-owner "an own set instead of the activation's for somebody else's program: not-owner" "${ctl[@]}" --instead "$FIX/uses_lib"
is "$(build_set "$FIX/uses_lib"; echo $?)" "in-cache $FIX/uses_lib"$'\n'0 "what the activation has a set of: in-cache, and no failure"
mkdir "$TAP_TMP/etc"
cp -a /etc/passwd /etc/group /etc/ld.so.cache "$TAP_TMP/etc/"
echo "$FIX/libfixture.so" >"$TAP_TMP/etc/ld.so.preload"
# shellcheck disable=SC2016 # expanded by the inner shell
word interposed "a filled /etc/ld.so.preload: interposed" unshare -m bash -c 'mount --bind "$0/etc" /etc && shift 0 && exec "$@"' \
    "$TAP_TMP" env HOME="$TAP_TMP/home" setpriv --reuid=$user --regid=$user --clear-groups "$DYLDCTL" --state "$STATE" build-set "$fresh"
word no-cache "no state directory: no-cache" as_user "$DYLDCTL" --state "$TAP_TMP/nothing" build-set "$fresh"
region=$(readlink "$STATE/active")/region
cp -a "$region" "$TAP_TMP/region"
chmod u+w "$region"
printf '\377' | dd of="$region" bs=1 seek=8 conv=notrunc status=none
word format "an activation of another format version: format" "${ctl[@]}" "$fresh"
is "$(decision "$app")" "jit format" "which starts see as well"
cp -a "$TAP_TMP/region" "$region"
mv "$STATE/current/shared_cache" "$TAP_TMP/shared_cache"
word cache-file "a shared_cache that is gone: cache-file" "${ctl[@]}" "$fresh"
cp "$TAP_TMP/shared_cache" "$STATE/current/shared_cache"
word cache-file "or another one" "${ctl[@]}" "$fresh"
mv "$TAP_TMP/shared_cache" "$STATE/current/shared_cache"
"$DYLDCTL" --state "$STATE" activate >/dev/null # the rename is a change, too

# --- whatever is planted, the program starts by plain ld.so, and says the same as ever
wanted=$("$app" 2>&1 | head -n 1)
refused() { # DESCRIPTION: in the state of the file system at hand
    local line
    line=$(decision "$app")
    is "$line $(run_prebuilt env HOME="$TAP_TMP/home" XDG_CACHE_HOME="${XDG-}" \
        setpriv --reuid=$user --regid=$user --clear-groups "$app" 2>&1 | head -n 1)" "jit no-set $wanted" "refused: $1"
}
own=$(build_set "$app" | sed 's/.*: //')
keep=$TAP_TMP/keep
cp -a "$own" "$keep"
restore() { rm -rf "$own"; cp -a "$keep" "$own"; }
chown $other "$own"
refused "a file of another user"
restore; chown 0 "$own"
refused "a file of root"
restore; chmod 620 "$own"
refused "a file that the group may write"
restore; chmod 602 "$own"
refused "a file that everybody may write"
restore; ln "$own" "$TAP_TMP/hardlink"
refused "a file with a second name"
rm "$TAP_TMP/hardlink"
restore; mv "$own" "$TAP_TMP/elsewhere"; ln -s "$TAP_TMP/elsewhere" "$own"
refused "a symlink to a file that would be good"
rm -f "$own" "$TAP_TMP/elsewhere"; mkfifo "$own"; chown $user "$own"; chmod 600 "$own"
refused "a pipe"
rm "$own"; mkdir "$own"; chown $user "$own"
refused "a directory"
rmdir "$own"; cp -a "$keep" "$own"
chmod 770 "$own_dir"
refused "a directory that the group may write"
chmod 707 "$own_dir"
refused "a directory that everybody may write"
chmod 700 "$own_dir"; chown $other "$own_dir"
refused "a directory of another user"
chown $user "$own_dir"; mv "$own_dir" "$own_dir.real"; ln -s shared-region.real "$own_dir"
refused "a directory that is a symlink"
rm "$own_dir"; mv "$own_dir.real" "$own_dir"
cp "$(find "$TAP_TMP/otherhome" -name '*.set' | head -n 1)" "$TAP_TMP/otherset"
chmod 755 "$TAP_TMP/otherhome" "$TAP_TMP/otherhome/.cache" "$TAP_TMP/otherhome/.cache/shared-region"
chmod 644 "$TAP_TMP"/otherhome/.cache/shared-region/*.set
XDG=$TAP_TMP/otherhome/.cache refused "XDG_CACHE_HOME that points to another user's"
XDG=tmp/relative is "$(XDG=tmp/relative decision "$app")" own "a relative XDG_CACHE_HOME counts as none"
mkdir "$TAP_TMP/worldhome"
chmod 1777 "$TAP_TMP/worldhome"
as $other "$TAP_TMP/otherhome" env XDG_CACHE_HOME="$TAP_TMP/worldhome" "$DYLDCTL" --state "$STATE" build-set "$app" >/dev/null
XDG=$TAP_TMP/worldhome refused "a set that somebody planted where everybody may write"
# The content of a set for another program under this one's name
as_user "$DYLDCTL" --state "$STATE" build-set "$fresh" >/dev/null
ok "(a set of another program)" test -e "$(find "$own_dir" -name '*.set' -newer "$own" | head -n 1)"
cp -p "$(find "$own_dir" -name '*.set' -newer "$own" | head -n 1)" "$own"
refused "the set of another program under this one's name"
restore
is "$(decision "$app")" own "after all that: the good one"
says_nothing() { [[ $(DYLD_PRINT_LOADERS=1 run_prebuilt env HOME="$TAP_TMP/home" setpriv --reuid="$user" --regid="$user" --clear-groups "$1" 2>&1 | grep -ac '^dyld: ') == 2 ]]; }
ok "a set-user-ID program starts without a word" says_nothing "$TAP_TMP/bin/suid"


# --- damaged files: the program starts, and the output is right
size=$(stat -c %s "$own")
tried=0
spoil() { # NUMBER COMMAND...: makes file NUMBER from the good one by COMMAND FILE
    cp "$keep" "$TAP_TMP/spoiled/$1"
    shift
    "$@"
    tried=$((tried + 1))
}
mkdir "$TAP_TMP/spoiled"
chmod 755 "$TAP_TMP/spoiled"
flip() { # FILE POSITION
    local byte
    byte=$(od -An -tu1 -j "$2" -N 1 "$1")
    # shellcheck disable=SC2059 # the format is the byte
    printf "$(printf '\\x%02x' $((byte ^ 255)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
number=0
for position in $(seq 0 8 191) $(seq 4096 64 4800) $(seq 5000 1777 "$size") $((size - 1)); do
    number=$((number + 1))
    spoil "flip$number" flip "$TAP_TMP/spoiled/flip$number" "$position"
done
for length in 0 1 7 8 191 192 4095 4096 4097 8191 8192 $((size / 2)) $((size - 4096)) $((size - 1)) $((size + 1)) $((size + 4096)); do
    spoil "cut$length" truncate -s "$length" "$TAP_TMP/spoiled/cut$length"
done
dd if=/dev/zero of="$TAP_TMP/spoiled/zero" bs="$size" count=1 status=none
chmod 644 "$TAP_TMP"/spoiled/*
# Each is put in place by the user's own shell and the program started.
printf '%s\n' "$TAP_TMP"/spoiled/* >"$TAP_TMP/spoiled.list"
# shellcheck disable=SC2016 # expanded by the inner shell
run_prebuilt env HOME="$TAP_TMP/home" DYLD_PRINT_LOADERS=1 setpriv --reuid=$user --regid=$user --clear-groups -- bash -c '
    umask 022
    while read -r file; do
        rm -f "$1"; cat "$file" >"$1"
        echo "$(basename "$file") $("$2" 2>&1 | grep -a -e "^dyld" -e arguments -e "^to" | tr "\n" " ")"
    done' - "$own" "$app" <"$TAP_TMP/spoiled.list" >"$TAP_TMP/spoiled.out" 2>/dev/null
is "$(wc -l <"$TAP_TMP/spoiled.out")" "$(wc -l <"$TAP_TMP/spoiled.list")" "$((tried + 1)) damaged files were tried"
plain=$(DYLD_PRINT_LOADERS=1 run_prebuilt "$app" 2>&1 | grep -a -e '^dyld' -e arguments -e '^to' | tail -n 3 | tr '\n' ' ')
problems=$(sed 's/^[^ ]* //' "$TAP_TMP/spoiled.out" | sort | uniq -c | grep -vF "$plain")
is "$problems" "" "with each of them the program starts by plain ld.so ($plain)"
rm -f "$own"; cp -a "$keep" "$own"
is "$(decision "$app")" own "with the good one from its set"

# --- not after a reboot, and then pruned
"$DYLDCTL" --state "$STATE" deactivate
is "$(decision "$app")" "jit no-cache" "without an activation no own set is used"
"$DYLDCTL" --state "$STATE" activate >/dev/null
is "$(decision "$app")" "jit no-set" "nor with another activation of the same generation, as after a boot"
like "$(as_user "$DYLDCTL" --state "$STATE" list)" "inactive *$app" "list says that it is inactive"
like "$(build_set "$app")" '^saved' "it is made again"
is "$(decision "$app")" own "and used"
is "$(find "$own_dir" -name '*.set' | wc -l)" 1 "the old activation's are gone"
ok "(another root directory's activation)" "$DYLDCTL" --state "$TAP_TMP/second" build /usr/bin/true
at_exit quietly "$DYLDCTL" --state "$TAP_TMP/second" clean
as_user "$DYLDCTL" --state "$TAP_TMP/second" build-set "$app" >/dev/null
is "$(find "$own_dir" -name '*.set' | wc -l) $(decision "$app")" "2 own" "another state's activation has its own set, and each stays"
echo 01234567-89ab-cdef-0123-456789abcdef >"$TAP_TMP/boot_id"
# shellcheck disable=SC2016
unshare -m bash -c 'mount --bind "$0/boot_id" /proc/sys/kernel/random/boot_id && exec "$@"' "$TAP_TMP" \
    env HOME="$TAP_TMP/home" setpriv --reuid=$user --regid=$user --clear-groups "$DYLDCTL" --state "$STATE" build-set --again "$app" >/dev/null
is "$(find "$own_dir" -name '*.set' | wc -l)" 2 "with another boot ID, as of another machine with this home, others stay"
find "$own_dir" -type f ! -newer "$TAP_TMP/boot_id" -exec touch -d '8 days ago' {} +
touch -d '8 days ago' "$own_dir/0000000000000000-0000000000000000-0000000000000000.set.tmp-0" "$own_dir/0000000000000000-0000000000000000-0000000000000000.lock" "$own_dir/mine"
build_set --again "$app" >/dev/null
is "$(find "$own_dir" -type f -printf '%f\n' | grep -vc '^mine$')" 2 "for a week, as does what killed builds left"
ok "but nothing that somebody else put there" test -e "$own_dir/mine"

# --- what is told
like "$(as_user "$DYLDCTL" --state "$STATE" list)" "own *$app" "list has the own sets"
is "$(as_user "$DYLDCTL" --state "$STATE" --json list | jq -r '.[] | select(.state == "own") | .path')" "$app" "also as JSON"
like "$(as_user "$DYLDCTL" --state "$STATE" why "$app" 2>&1)" '^prebuilt [0-9a-f]{32} own$' "why tells that the set is an own one"
like "$(build_set "$FIX/cxx")" '^unplanned-library' "a program that is rejected"
like "$(as_user "$DYLDCTL" --state "$STATE" why "$FIX/cxx" 2>&1)" '^no-set own set: not built: unplanned-library' "is told about by why"

# --- a newer library: exactly the sets that use it
mkdir -m 755 "$TAP_TMP/app" "$TAP_TMP/app/bin"
cp "$FIX/shadow/bin/uses_lib" "$TAP_TMP/app/bin/"
cp "$FIX/libfixture.so" "$TAP_TMP/app/"
cp "$TAP_TMP/app/bin/uses_lib" "$TAP_TMP/app/bin/os"
"$DYLDCTL" --state "$STATE" build "$TAP_TMP/app/bin/os" >/dev/null 2>&1
build_set "$app" >/dev/null
like "$(build_set "$TAP_TMP/app/bin/uses_lib")" '^saved' "a program that uses a library of its own"
all() { echo "$(decision "$app") $(decision "$TAP_TMP/app/bin/uses_lib") $(decision "$TAP_TMP/app/bin/os") $(decision /usr/bin/true)"; }
is "$(all)" "own own prebuilt prebuilt" "(before: all prebuilt)"
cp "$FIX/other/libfixture.so" "$TAP_TMP/new" && mv "$TAP_TMP/new" "$TAP_TMP/app/libfixture.so"
changed="jit library-changed $(readlink -f "$TAP_TMP/app")/[^ ]*libfixture.so"
like "$(all)" "^own $changed $changed prebuilt$" "a newer library: the sets that use it, own and the activation's, and no other"
like "$(run_prebuilt env HOME="$TAP_TMP/home" setpriv --reuid=$user --regid=$user --clear-groups "$TAP_TMP/app/bin/uses_lib" 2>&1)" "answer 43" "which is the one that the program uses"
like "$(build_set "$TAP_TMP/app/bin/uses_lib")" '^library-changed ' "a new set has to wait for a new cache: library-changed"
like "$(as_user "$DYLDCTL" --state "$STATE" list)" "stale *$TAP_TMP/app/bin/uses_lib *library-changed" "list says so"

# --- a user's set instead of the activation's
mine=$TAP_TMP/bin/mine
cp "$FIX/auxv" "$mine" && chown $user "$mine"
theirs=$TAP_TMP/bin/theirs
cp "$FIX/auxv" "$theirs"
built=$("$DYLDCTL" --state "$STATE" build "$mine" "$theirs" 2>&1) || diag "build: $built"
is "$(decision "$mine") $(decision "$theirs")" "prebuilt prebuilt" "(the activation has sets of both programs)"
is "$(build_set "$mine" | cut -d' ' -f1) $(build_set --instead "$mine" | cut -d' ' -f1) $(build_set --instead "$theirs" | cut -d' ' -f1)" \
    "in-cache saved not-owner" "an own set instead of the activation's is made with --instead, for an own program"
is "$(decision "$mine")" own "and comes first"
is "$(DYLD_PRINT_LOADERS=1 run_prebuilt "$mine" 2>&1 | grep '^dyld' | cut -d' ' -f4)" "" "only for its maker: root"
is "$(DYLD_PRINT_LOADERS=1 run_prebuilt env HOME="$TAP_TMP/home" setpriv --reuid=$other --regid=$other --clear-groups "$mine" 2>&1 | grep '^dyld' | tail -n 1 | cut -d' ' -f4)" "" \
    "and another user get the activation's"
is "$(as $other "$TAP_TMP/otherhome" "$DYLDCTL" --state "$STATE" build-set --instead "$theirs" 2>&1 | cut -d' ' -f1)" not-owner "nobody makes one for root's program"
chown 0 "$mine" && touch -r "$theirs" "$mine"
"$DYLDCTL" --state "$STATE" build --force "$mine" >/dev/null 2>&1
is "$(decision "$mine")" prebuilt "once the program is root's, the activation's set wins"
chown $user "$mine"
"$DYLDCTL" --state "$STATE" build --force "$mine" >/dev/null 2>&1
build_set --instead "$mine" >/dev/null
is "$(decision "$mine")" own "(the user's again)"
mine_set=$own_dir/$(basename "$(build_set --instead "$mine" | sed 's/.*: //')")
flip "$mine_set" 9000
is "$(decision "$mine")" prebuilt "a damaged own set: the activation's"

# --- not under the shim, which own sets do not know
"$DYLDCTL" --state "$TAP_TMP/second" build --shim "$mine" /usr/bin/env >/dev/null 2>&1
shim=$("$DYLDCTL" --state "$TAP_TMP/second" shim)
as_user "$DYLDCTL" --state "$TAP_TMP/second" build-set --instead "$mine" >/dev/null
is "$(STATE=$TAP_TMP/second decision "$mine")" own "(an own set instead of the activation's)"
is "$(STATE=$TAP_TMP/second decision env LD_PRELOAD="$shim" "$mine")" prebuilt "with the shim preloaded: the activation's set for that"

# --- whoever starts it
shell=$TAP_TMP/bin/shell
cp /usr/bin/bash "$shell"
build_set "$shell" >/dev/null
as_run() { run_prebuilt env HOME="$TAP_TMP/home" setpriv --reuid=$user --regid=$user --clear-groups -- "$@"; }
is "$(decision "$shell" -c :)" own "(a shell has an own set)"
is "$(as_run "$shell" -c 'echo /proc/self/fd/*')" "$("$shell" -c 'echo /proc/self/fd/*')" "no descriptor is left open by an own set"
is "$(XDG=$TAP_TMP/home/.cache decision "$shell" -c :)" own "XDG_CACHE_HOME may name the same directory"
nested=$(as_run "$DYLDCTL" --state "$STATE" build-set "$FIX/context" 2>&1)
is "${nested%% *}" saved "inside of dyldctl run a set is built with the genuine ld.so"
is "$(decision "$FIX/context")" own "and used"
if as_user unshare -U true 2>/dev/null; then
    inside=$(as_user "$DYLDCTL" --state "$STATE" run -- "$DYLDCTL" --state "$STATE" build-set "$FIX/ifunc" 2>&1)
    like "$inside" '^dyldctl: .*another user.*refused' "a state of root's is not trusted by hand in a user namespace, where root is unknown"
    as_user env DYLD_USE_CLOSURES=1 "$DYLDCTL" --state "$STATE" run -- "$FIX/ifunc" >/dev/null
    for ((i = 0; i < 100; i++)); do [[ $(decision "$FIX/ifunc") != own ]] || break; sleep 0.1; done
    is "$(decision "$FIX/ifunc")" own "but ld-dyld.so, which knows it, has a set built from there"
else
    skip "a set is built from inside of an unprivileged dyldctl run" "user namespaces are not allowed here"
fi
install -d -o $other -m 755 "$TAP_TMP/sudohome"
output=$(HOME=$TAP_TMP/sudohome XDG_CACHE_HOME='' "$DYLDCTL" --state "$STATE" build-set "$fresh" 2>&1)
like "$? $output" '^1 .*belongs to another user' "root makes no directory in a user's home"
run_prebuilt env HOME="$TAP_TMP/sudohome" DYLD_USE_CLOSURES=1 "$fresh" >/dev/null 2>&1
is "$(find "$TAP_TMP/sudohome" -mindepth 1)" "" "nor does a start by root"

# --- in one directory with a user's state; users without a state have root's
as $other "$TAP_TMP/otherhome" "$DYLDCTL" clean --own >/dev/null
if ok "a user builds a state in the default place" as $other "$TAP_TMP/otherhome" env XDG_RUNTIME_DIR= "$DYLDCTL" build /usr/bin/true; then
    is "$(as $other "$TAP_TMP/otherhome" "$DYLDCTL" build-set "$app" | cut -d' ' -f1)" saved "own sets lie there as well"
    ok "which a build does not mind" as $other "$TAP_TMP/otherhome" "$DYLDCTL" build /usr/bin/env
    like "$(as $other "$TAP_TMP/otherhome" "$DYLDCTL" list)" "inactive *$app" "they are of the activation before"
    ok "clean --own leaves the state" as $other "$TAP_TMP/otherhome" "$DYLDCTL" clean --own
    ok "(it is still there)" test -L "$TAP_TMP/otherhome/.cache/shared-region/current"
    ok "clean removes it" as $other "$TAP_TMP/otherhome" "$DYLDCTL" clean
    not_ok "with its directory" test -e "$TAP_TMP/otherhome/.cache/shared-region"
fi
# shellcheck disable=SC2016
default='mount -t tmpfs none /var/cache && mkdir /var/cache/shared-region && mount --bind "$0" /var/cache/shared-region && exec "$@"'
like "$(unshare -m bash -c "$default" "$STATE" env HOME="$TAP_TMP/otherhome" setpriv --reuid=$other --regid=$other --clear-groups "$DYLDCTL" list 2>&1)" \
    '(prebuilt|inactive) */usr/bin/true' "a user without a state of their own is told about root's"

# --- removed
count=$(find "$own_dir" -name '*.set' | wc -l)
is "$(as_user "$DYLDCTL" --state "$STATE" --json clean --own | jq .sets)" "$count" "clean --own removes the own sets"
is "$(find "$own_dir" -mindepth 1 -printf '%f\n')" "CACHEDIR.TAG"$'\n'"mine" "and nothing else"
ok "the state is still there" test -e "$STATE/current"
rm "$own_dir/mine"
as_user "$DYLDCTL" clean --own >/dev/null
not_ok "with nothing else in it the directory goes as well" test -e "$own_dir"
tap_done
