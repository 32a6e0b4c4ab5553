#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# DYLD_USE_CLOSURES: 0, 1 and 2 over all fixtures; what building in the background does and leaves alone.
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/both_ways.sh
unshare -m true 2>/dev/null || skip_all "unshare -m is not allowed here"

export HOME=$TAP_TMP/home XDG_CACHE_HOME=
unset XDG_CACHE_HOME
own_dir=$HOME/.cache/shared-region
mkdir -m 700 "$HOME"
mapfile -t programs < <(fixture_programs | grep -v /origin/)
private_state /usr/bin/true /usr/bin/env /usr/bin/bash "${programs[@]}"

# Copies, which the activation has no sets of, beside the libraries that it has.
copies=$TAP_TMP/fix
mkdir -m 755 "$copies"
for library in "$FIX"/*.so; do ln -s "$library" "$copies/"; done
cp "${programs[@]}" "$copies/"

# mode VALUE DIRECTORY: lines "NAME EXIT-CODE OUTPUT DECISION", the decision of this very program
mode() {
    local how=(run_prebuilt)
    if [[ $1 == plain ]]; then how=(); fi
    # shellcheck disable=SC2016 # expanded by the inner shell
    DYLD_PRINT_LOADERS=1 "${how[@]}" bash -c '
        cd "$1" || exit
        ulimit -c 0
        variable=DYLD_USE_CLOSURES=$2
        [[ $2 == [012] ]] || variable=X=
        shift 2
        for program; do
            (export "$variable"; exec "./${program##*/}") >out.tmp 2>err.tmp </dev/null
            code=$?
            echo "${program##*/} $code $(grep -av "^env " out.tmp | cksum | cut -d" " -f1) $(grep -a "^dyld: " err.tmp | head -n 1 |
                sed -E "s/^dyld: //; s/^prebuilt [0-9a-f]+/prebuilt/")"
        done' - "$2" "$1" "${programs[@]}" 2>/dev/null
}
without_decision() { cut -d' ' -f1-3; }
decisions() { cut -d' ' -f4- | sed -E 's/ (\/.*|DT_.*)$//' | sort | uniq -c | sed 's/^ *//' | tr '\n' ';'; }

mode plain "$copies" | without_decision >"$TAP_TMP/plain"
is "$(wc -l <"$TAP_TMP/plain")" "${#programs[@]}" "${#programs[@]} fixtures"
mode 0 "$copies" >"$TAP_TMP/0"
is "$(diff <(without_decision <"$TAP_TMP/0") "$TAP_TMP/plain")" "" "0: every fixture does what it does by ld.so"
is "$(decisions <"$TAP_TMP/0")" "${#programs[@]} jit disabled;" "0: as it starts by it"

mode 1 "$copies" >"$TAP_TMP/1"
is "$(diff <(without_decision <"$TAP_TMP/1") "$TAP_TMP/plain")" "" "1: every fixture does what it does by ld.so"
is "$(decisions <"$TAP_TMP/1")" "${#programs[@]} jit building started;" "1: as it starts by it, and a set is built"
settled() { # until all builders have ended
    local i
    for ((i = 0; i < 300; i++)); do
        [[ -n $(find "$own_dir" -name "*.lock" -print -quit 2>/dev/null) || $(find "$own_dir" -name "*.set" -o -name "*.failed" 2>/dev/null | wc -l) -lt $1 ]] || return 0
        sleep 0.1
    done
    return 1
}
ok "1: every builder ends" settled "${#programs[@]}"
mode 1 "$copies" >"$TAP_TMP/1b"
saved=$(grep -c ' jit building saved$' "$TAP_TMP/1b")
failed=$(grep -c ' jit building failed-before$' "$TAP_TMP/1b")
is "$((saved + failed))" "${#programs[@]}" "1: after that nothing is built again ($saved saved, $failed rejected)"
like "$saved" '^(2[5-9]|3[0-9])$' "1: most have a set now"
mode unset "$copies" >"$TAP_TMP/unset"
is "$(diff <(without_decision <"$TAP_TMP/unset") "$TAP_TMP/plain")" "" "unset: every fixture does what it does by ld.so"
is "$(grep -c ' prebuilt own$' "$TAP_TMP/unset")" "$saved" "unset: those with a set start from it"
is "$(grep -cE ' jit ' "$TAP_TMP/unset")" "$failed" "unset: the others by ld.so"
mode 2 "$copies" >"$TAP_TMP/2"
is "$(diff <(grep ' prebuilt own$' "$TAP_TMP/2" | without_decision) <(grep -Ff <(grep ' prebuilt own$' "$TAP_TMP/2" | cut -d' ' -f1-2) "$TAP_TMP/plain"))" "" \
    "2: those with a set do what they do by ld.so"
is "$(grep -c ' prebuilt own$' "$TAP_TMP/2")" "$saved" "2: from it"
is "$(grep -cE '^[^ ]* 126 4294967295 jit .*; not started: DYLD_USE_CLOSURES=2$' "$TAP_TMP/2")" "$failed" "2: the others end with 126 and one line"
mode 1 "$FIX" >"$TAP_TMP/1c"
rm -f "$FIX/out.tmp" "$FIX/err.tmp"
like "$(decisions <"$TAP_TMP/1c")" "$saved jit building in-cache;" "1: nothing is built for what the activation has a set of"

# --- what the program notices: nothing
app=$TAP_TMP/app
cp "$FIX/hello" "$app"
line() { # COMMAND...: the last decision line
    "$@" 2>&1 >/dev/null </dev/null | grep -a '^dyld: ' | tail -n 1 | sed 's/^dyld: //'
}
one() { DYLD_PRINT_LOADERS=1 line run_prebuilt env DYLD_USE_CLOSURES=1 "$@"; }
forget() { settled 0; rm -rf "$own_dir"; }
children='delete $ENV{DYLD_USE_CLOSURES}; print "children ", waitpid(-1, 0x40000001), "\n"; opendir(D, "/proc/self/fd"); print join(" ", sort grep { /\d/ } readdir D), "\n"; print `grep -E "Sig(Pnd|Blk|Ign|Cgt)|ShdPnd" /proc/$$/status`'
forget
is "$(run_prebuilt env DYLD_USE_CLOSURES=1 perl -e "$children" | tr -d '\0')" "$(run_prebuilt env DYLD_USE_CLOSURES=0 perl -e "$children" | tr -d '\0')" \
    "the program has no child, no further descriptor, no pending signal"
settled 1
forget
is "$(one "$app")" "jit building started" "(a set of another program)"
settled 1
is "$(find "$own_dir" -name '*.set' | wc -l) $(find "$own_dir" -name '*.lock' | wc -l)" "1 0" "leaves its set and no lock"
forget
# shellcheck disable=SC2016
run_prebuilt bash -c 'trap "" CHLD HUP INT; DYLD_USE_CLOSURES=1 exec "$0"' "$app" >/dev/null 2>&1
settled 1
is "$(find "$own_dir" -name '*.set' | wc -l)" 1 "signals that the program ignores do not hinder the builder"
forget
run_prebuilt env DYLD_USE_CLOSURES=1 "$app" <&- >&- 2>&-
settled 1
is "$(find "$own_dir" -name '*.set' | wc -l)" 1 "nor do closed standard streams"
forget
# shellcheck disable=SC2016
is "$(one unshare -pf --mount-proc "$app")" "jit building not-possible" "process 1 of a namespace, which would inherit it, has none built"
is "$(one env -u HOME "$app")" "jit building not-possible" "nor has a process without HOME"
install -d -m 777 "$TAP_TMP/open/.cache/shared-region"
chmod 777 "$TAP_TMP/open/.cache/shared-region"
is "$(one env HOME="$TAP_TMP/open" "$app")" "jit building not-possible" "nor where everybody may write"
is "$(find "$TAP_TMP/open" -type f)" "" "where nothing is left"

# --- never built
forget
is "$(one env LD_PRELOAD="$FIX/libfixture.so" "$app")" "jit environment LD_PRELOAD" "LD_PRELOAD: nothing is built"
is "$(one env DYLD_INSERT_LIBRARIES=/nowhere "$app")" "jit environment DYLD_INSERT_LIBRARIES" "DYLD_INSERT_LIBRARIES: nothing is built"
is "$(line run_prebuilt env DYLD_PRINT_LOADERS=only DYLD_USE_CLOSURES=1 "$app")" "jit building" "DYLD_PRINT_LOADERS=only: nothing is built"
cp "$app" "$TAP_TMP/suid" && chmod 4755 "$TAP_TMP/suid"
if ((EUID == 0)); then
    install -d -o 12345 -m 700 "$TAP_TMP/userhome"
    run_prebuilt env HOME="$TAP_TMP/userhome" DYLD_USE_CLOSURES=1 setpriv --reuid=12345 --clear-groups "$TAP_TMP/suid" >/dev/null 2>&1
    is "$(find "$TAP_TMP/userhome" -name '*suid*')" "" "a set-user-ID program: nothing is built"
else
    skip "a set-user-ID program: nothing is built" "needs root"
fi
sleep 0.3
is "$(find "$own_dir" -type f 2>/dev/null)" "" "really nothing"
"$DYLDCTL" --state "$STATE" deactivate
is "$(one "$app")" "jit no-cache" "without an activation: nothing is built"
"$DYLDCTL" --state "$STATE" activate >/dev/null

# --- 2: a reason that is known before the program begins ends it
two() { # WANTED-LINE DESCRIPTION COMMAND...
    local wanted=$1 description=$2 out status=0
    shift 2
    out=$("$@" 2>&1) || status=$?
    like "$status $(head -n 1 <<<"$out")" "^126 dyld: jit $wanted; not started: DYLD_USE_CLOSURES=2$" "$description"
}
two '(no-set|program-changed .*)' "2: no set" run_prebuilt env DYLD_USE_CLOSURES=2 "$app"
two 'environment LD_PRELOAD' "2: LD_PRELOAD, which may interpose" run_prebuilt env DYLD_USE_CLOSURES=2 LD_PRELOAD="$FIX/libpreload.so" "$FIX/uses_lib"
two 'environment LD_LIBRARY_PATH' "2: LD_LIBRARY_PATH" run_prebuilt env DYLD_USE_CLOSURES=2 LD_LIBRARY_PATH=/nowhere "$FIX/uses_lib"
cp -a /etc "$TAP_TMP/etc" 2>/dev/null
echo "$FIX/libpreload.so" >"$TAP_TMP/etc/ld.so.preload"
# shellcheck disable=SC2016
two 'preload-file.*' "2: /etc/ld.so.preload, known when the set is looked at" run_prebuilt unshare -m bash -c \
    'mount --bind /etc/ld.so.cache "$0/ld.so.cache" && mount --rbind "$0" /etc && DYLD_USE_CLOSURES=2 exec "$1"' "$TAP_TMP/etc" "$FIX/uses_lib"
is "$(DYLD_USE_CLOSURES=2 run_prebuilt "$FIX/malloc_override" >/dev/null 2>&1; echo $?)" 0 "2: functions that the program itself interposes are part of its set"

# --- locks and failures
forget
one "$app" >/dev/null
settled 1
lock=$(basename "$(find "$own_dir" -name '*.set')" .set).lock
rm "$own_dir"/*.set
exec 9>"$own_dir/$lock"
flock 9
is "$(one "$app")" "jit building busy" "one at a time for a program"
exec 9>&-
is "$(one "$app")" "jit building started" "(once the lock is free)"
settled 1
rm -f "$own_dir"/*.set "$own_dir"/*.lock
record=$own_dir/${lock%.lock}.failed
echo "timeout" >"$record"
is "$(one "$app")" "jit building failed-before" "after a failure: not at every start"
touch -d '2 hours ago' "$record" "$app" # (the program's ctime is newer than both)
is "$(one "$app")" "jit building started" "but when an hour is over or the program has changed"
settled 1
rm -f "$own_dir"/*

# --- the builder's process, recorded by a command in dyldctl's place
recorder=$TAP_TMP/recorder
cat >"$recorder" <<'END'
#!/bin/bash
echo run >>"$(dirname "$0")/runs"
record=$(dirname "$0")/record
sleep 1
readlink /proc/$$/fd/{0,1,2,3} >"$record.links"
find /proc/$$/fd -mindepth 1 -printf '%f\n' >"$record.numbers"
{
    printf 'arguments %s\n' "$*"
    printf 'descriptors %s\n' "$(tr '\n' ' ' <"$record.links")"
    printf 'further %s\n' "$(grep -cvE '^(0|1|2|3|255)$' "$record.numbers")"
    read -r _ _ _ parent _ session _ < <(sed 's/([^)]*)/()/' /proc/$$/stat)
    printf 'session %s parent %s nice %s directory %s\n' "$((session != 0 && session != $(cut -d' ' -f6 "/proc/$PPID/stat" 2>/dev/null || echo 0)))" \
        "$parent" "$(nice)" "$PWD"
    printf 'variables %s\n' "$(tr '\0' '\n' </proc/$$/environ | grep -E '^(LD_|DYLD_|MALLOC_|GLIBC_TUNABLES)' | wc -l) $KEPT"
} >"$record.tmp" 2>&1
mv "$record.tmp" "$record"
END
chmod 755 "$recorder"
loader=$(readlink -f /lib64/ld-linux-x86-64.so.2)
out/bin/make-ld-dyld --ldso "$loader" --stage1 out/lib/dyld-stage1.bin --tail out/lib/dyld-tail.bin --state "$STATE" --builder "$recorder" --output "$STATE/ld-dyld.so"
exec 7<"$app"
# shellcheck disable=SC2016
run_prebuilt bash -c 'for ((i = 0; i < 40; i++)); do KEPT=kept DYLD_USE_CLOSURES=1 DYLD_PRINT_LOADERS=0 "$0" >/dev/null 2>&1 & done; wait' "$app"
exec 7<&-
for ((i = 0; i < 100; i++)); do [[ ! -e $TAP_TMP/record ]] || break; sleep 0.1; done
is "$(cat "$TAP_TMP/runs")" run "40 starts at once: one builder"
like "$(sed -n 's/^arguments //p' "$TAP_TMP/record")" "^--quiet --state $STATE build-set --in-background $app$" "it is told state and program"
like "$(sed -n 's/^descriptors //p' "$TAP_TMP/record")" "^/dev/null /dev/null /dev/null $own_dir/.*\.lock $" "its streams are /dev/null, its fourth descriptor the lock"
is "$(sed -n 's/^further //p' "$TAP_TMP/record")" 0 "and there are no others"
like "$(sed -n 's/^session //p' "$TAP_TMP/record")" "^1 parent [0-9]+ nice 19 directory /$" "a session of its own, lowest priority, directory /"
is "$(sed -n 's/^variables //p' "$TAP_TMP/record")" "0 kept" "no variable that changes loading, but the others"
tap_done
