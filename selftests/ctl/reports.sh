#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What dyldctl tells: JSON of every subcommand, bench and its chart, silence in pipes, the base only to root.
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/both_ways.sh
# Users' own sets: none from the home of who runs this, and none left there.
export XDG_CACHE_HOME=$TAP_TMP/cache

STATE=$TAP_TMP/state
at_exit quietly "$DYLDCTL" --state "$STATE" clean
ctl() { "$DYLDCTL" --state "$STATE" "$@"; }
# json DESCRIPTION FILTER COMMAND...: its standard output is one JSON document for which FILTER is true
json() {
    local description=$1 filter=$2
    shift 2
    ctl --json "$@" >"$TAP_TMP/json" 2>"$TAP_TMP/json.err"
    if jq -es "length == 1 and (.[0] | $filter)" "$TAP_TMP/json" >/dev/null; then pass "$description"; else
        fail "$description" "$(head -n 40 "$TAP_TMP/json" "$TAP_TMP/json.err")"; fi
}

# shellcheck disable=SC2016 # jq's variables
json "build tells generation, programs and activation" \
    '.changed and (.generation | length >= 32) and .programs == 2 and .build.captured == 2 and .activation.sets == 2' \
    build "$FIX/hello" "$FIX/uses_lib"
json "a build that changes nothing says so" '.changed == false' build "$FIX/hello"
json "status tells what is built and in use" \
    '.generation.captured == 2 and .activation.sets == 2 and .activation.entropy_bits > 24 and .activation.current and
     (.generation.stale_libraries | length == 0)' status
json "status tells how much of the text is mapped by large pages" \
    '.activation.text | .bytes >= 2097152 and .large >= 0 and .large <= .bytes' status
json "list tells each program's state" 'length == 2 and all(.[]; .state == "prebuilt")' list
json "show tells libraries, words and pages" \
    '.state == "prebuilt" and (.set.images | length >= 2) and .set.words.region > 0 and .set.set_bytes > 0' show "$FIX/uses_lib"
json "why tells prebuilt" '.prebuilt and .word == "prebuilt"' why "$FIX/hello"
json "why tells the reason" '(.prebuilt | not) and .word == "no-set"' why "$FIX/auxv"
json "activate tells where" '.sets == 2 and (.directory | startswith("/"))' activate
place=$(dirname "$(readlink "$STATE/active")")
json "deactivate tells that nothing is in use" '.active == false' deactivate
is "$(ls -d "$place"* 2>/dev/null)" "" "and leaves nothing in memory"
json "status tells that nothing is in use" '.activation == null' status
ok "activation after deactivation" ctl activate

# As if a build had been killed between its two last steps.
cp "$FIX/auxv" "$TAP_TMP/killed"
old=$(readlink "$STATE/active")
cp -a "$old" "$TAP_TMP/old-activation"
ctl build "$TAP_TMP/killed" >/dev/null 2>&1
mkdir -p "$old" && cp -a "$TAP_TMP/old-activation/region" "$old/" && ln -sfn "$old" "$STATE/active"
is "$(decision "$FIX/hello")" prebuilt "a program starts from the activation of the previous generation"
json "status tells that it is not the current one" '.activation.current | not' status
ok "a build that finds nothing new" ctl build "$TAP_TMP/killed"
is "$(decision "$TAP_TMP/killed")" prebuilt "activates the current generation"
rm "$TAP_TMP/killed"
ctl --quiet build --only "$FIX/hello" "$FIX/uses_lib" >/dev/null

not_ok "why of a program without a set fails" ctl why "$FIX/auxv"
ctl why "$FIX/auxv" >/dev/null 2>&1
is "$?" 3 "with exit code 3"
DYLD_USE_CLOSURES=0 ctl why "$FIX/hello" >"$TAP_TMP/why" 2>&1
like "$(cat "$TAP_TMP/why")" '^disabled' "why sees the environment that it is asked in"
ctl --quiet build "$FIX/auxv" 2>"$TAP_TMP/err" >/dev/null
is "$(cat "$TAP_TMP/err")" "" "a quiet build writes nothing to standard error"
is "$(ctl build "$FIX/hello" "$FIX/cxx" 2>&1 >/dev/null | tr -d '\n' | grep -c $'[\033\r]')" 0 "no colour and no progress bar in a pipe"

json "bench tells ratio, faults and system calls" \
    '.runs == 3 and (.results | length == 1) and (.results[0] | (.decision | startswith("prebuilt ")) and .ratio > 0 and
     .shared.system_calls_before_entry <= .plain.system_calls_before_entry and .plain.minor_faults > 0)' \
    bench --runs 3 --chart "$TAP_TMP/chart.svg" "$FIX/hello"
ok "the chart is an SVG file" grep -q '<svg' "$TAP_TMP/chart.svg"
ok "a PNG chart" ctl bench --runs 2 --chart "$TAP_TMP/chart.png" "$FIX/hello"
not_ok "a chart of another kind is refused" ctl bench --runs 2 --chart "$TAP_TMP/chart.pdf" "$FIX/hello"
ctl bench --cpu 9999 --runs 2 "$FIX/hello" >"$TAP_TMP/out" 2>&1
is "$?" 2 "a CPU that may not be used is a usage error"
like "$(cat "$TAP_TMP/out")" "CPU 9999: .*allowed are:( [0-9]+)+$" "which names those that may"
cpu=$(taskset -cp $$ | sed 's/.*[ ,-]//')
ok "bench on an allowed CPU" ctl bench --cpu "$cpu" --runs 2 "$FIX/hello"
begin=$SECONDS
ctl bench --runs 100000 --chart /nonexistent/chart.svg "$FIX/hello" >"$TAP_TMP/out" 2>"$TAP_TMP/err"
is "$?" 1 "a chart that cannot be written is an error"
ok "before the measurement" test $((SECONDS - begin)) -lt 5
is "$(cat "$TAP_TMP/out")" "" "with nothing on standard output"
like "$(cat "$TAP_TMP/err")" '/nonexistent/chart.svg: .*No such file' "and a message that names the file"
not_ok "bench of a missing program fails" ctl bench --runs 2 "$TAP_TMP/missing"

if ((EUID == 0)); then
    json "root sees the base" '.activation | has("base")' status
    chmod 755 "$STATE"
    as_nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    "${as_nobody[@]}" "$DYLDCTL" --state "$STATE" --json status >"$TAP_TMP/json" 2>&1
    ok "others see the activation but not its base" jq -e '.activation | (has("base") | not) and .sets > 0' "$TAP_TMP/json"
else
    skip "others see the activation but not its base" "needs another user"
fi

# Messages
ctl bogus >"$TAP_TMP/out" 2>&1
is "$?" 2 "an unknown subcommand is a usage error"
like "$(cat "$TAP_TMP/out")" "'bogus'" "that names the word"
for command in region interpreter; do
    ctl $command --json bogus >"$TAP_TMP/out" 2>&1
    is "$?" 2 "an unknown subcommand of $command likewise"
    is "$(cat "$TAP_TMP/out")" "dyldctl: no subcommand '$command bogus'; \`dyldctl $command --help\` lists them" "by both words"
done
# (With a default state of the test's own, for the case that it fails.)
HOME=$TAP_TMP XDG_CACHE_HOME=$TAP_TMP/none DYLD_SHARED_CACHE_DIR=$STATE "$DYLDCTL" --state '' clean >"$TAP_TMP/out" 2>&1
is "$?" 2 "an empty --state is a usage error, as of a script whose variable is unset"
like "$(cat "$TAP_TMP/out")" "^--state: '': an empty name is no state directory" "that says so"
ok "and nothing is removed" test -d "$STATE/generations"
ok "an empty variable means the default" env HOME="$TAP_TMP" XDG_CACHE_HOME= DYLD_SHARED_CACHE_DIR= "$DYLDCTL" --state "$STATE" status
for command in status list "show $FIX/hello" activate; do
    # shellcheck disable=SC2086 # words
    like "$("$DYLDCTL" --state "$TAP_TMP/none/none" $command 2>&1)" "none/none: nothing built here yet; run .dyldctl build" "$command without a state says what to do"
done
mkdir "$TAP_TMP/empty-state" "$TAP_TMP/foreign"
touch "$TAP_TMP/foreign/file"
for command in status list "show $FIX/hello" activate deactivate; do
    # shellcheck disable=SC2086 # words
    output=$("$DYLDCTL" --state "$TAP_TMP/foreign" $command 2>&1)
    is "$? $output" "1 dyldctl: $TAP_TMP/foreign/file: not made by dyldctl, so this is no state directory; name another one with --state" \
        "$command of a directory that is no state is an error"
done
like "$("$DYLDCTL" --state "$TAP_TMP/empty-state" status 2>&1)" "generation  none: run" "an empty one is a state in which nothing is built yet"
like "$(ctl build '' 2>&1)" "'': an empty name" "an empty name is told as that"
cp "$FIX/hello" "$TAP_TMP/"$'clear\033[2J\302\233x'
cp "$FIX/static" "$TAP_TMP/"$'static\033[2J'
output=$(ctl build "$TAP_TMP/clear"* 2>&1 && ctl list && ctl why "$TAP_TMP/static"* 2>&1; ctl build "$TAP_TMP/static"* 2>&1)
like "$output" 'clear\\x1b\[2J\\xc2\\x9bx' "control characters in names are escaped"
unlike "$output" $'\033' "everywhere"
rm "$TAP_TMP/clear"*
ctl --quiet build "$FIX/hello" >/dev/null
ctl build --tmpfs /nonexistent "$FIX/hello" >"$TAP_TMP/out" 2>&1
is "$?" 1 "a build that changes nothing looks at --tmpfs all the same"
place=$(mktemp -d /dev/shm/reports-XXXXXX)
at_exit rm -rf "$place"
ok "and moves the activation" ctl build --tmpfs "$place" "$FIX/hello"
like "$(readlink "$STATE/active")" "^$place/" "to where it is wanted"
is "$(ctl --json build --tmpfs "$place" "$FIX/hello" 2>/dev/null | jq .changed)" false "once"
ctl --quiet activate >/dev/null 2>&1
if ((EUID == 0)); then
    install -d -m 700 "$TAP_TMP/closed"
    cp "$FIX/hello" "$TAP_TMP/closed/"
    like "$(setpriv --reuid=65534 --regid=65534 --clear-groups "$DYLDCTL" --state "$TAP_TMP/x" build "$TAP_TMP/closed/hello" 2>&1)" \
        'closed/hello: .*Permission denied' "a program that may not be reached is not told as missing"
else
    skip "a program that may not be reached is not told as missing" "needs another user"
fi

# A state directory that was moved still works: its ld-dyld.so is told where it is now.
place=$(dirname "$(readlink "$STATE/active")")
ok "clean removes the state directory" ctl clean
not_ok "and the place of its activations" test -e "$place"
not_ok "nothing is left" test -e "$STATE"
ctl build "$FIX/hello" >/dev/null 2>&1
mv "$STATE" "$TAP_TMP/moved"
STATE=$TAP_TMP/moved
is "$(decision "$FIX/hello")" "jit cache-file $TAP_TMP/state/generations/$(readlink "$STATE/current" | sed 's#.*/##')/shared_cache" \
    "in a moved state directory the activation names a file that is gone"
ctl build "$FIX/hello" >/dev/null 2>&1
place=$(dirname "$(readlink "$STATE/active")")
is "$(decision "$FIX/hello")" prebuilt "after a build a moved state directory works"
rm -rf "$STATE"
ok "clean of a state directory that is gone is no error" ctl clean
not_ok "and removes the activation that it left" test -e "$place"
not_ok "and the note whose it was" test -L "$place.state"
STATE=$TAP_TMP/deleted
ctl build "$FIX/hello" >/dev/null 2>&1
place=$(dirname "$(readlink "$STATE/active")")
rm -rf "$STATE"
STATE=$TAP_TMP/another
ctl build "$FIX/hello" >/dev/null 2>&1
not_ok "a build of another state removes it too" test -e "$place"
ctl clean >/dev/null

# Closed standard streams
STATE=$TAP_TMP/streams
ctl build "$FIX/hello" >/dev/null 2>&1
why=$(ctl why "$FIX/hello")
is "$(ctl why "$FIX/hello" <&- 2>&-)" "$why" "why asks ld-dyld.so with closed standard streams as well"
ok "all of them" bash -c 'exec "$@" <&- >&- 2>&-' bash "$DYLDCTL" --state "$STATE" why "$FIX/hello"
like "$(ctl build --force "$FIX/hello" <&- 2>&-)" '^1 program,' "as does build"
ctl clean >/dev/null

# Members of a team are executed from memory.
# shellcheck disable=SC2016 # the inner shell's
noexec='echo 1 2>/dev/null >/proc/sys/vm/memfd_noexec || exit 99; exec "$@"'
if ((EUID == 0)) && unshare -pf --mount-proc bash -c "$noexec" bash true 2>/dev/null && "$DYLDCTL" --team red region query >/dev/null 2>&1; then
    ok "also where files in memory are not executable by default" unshare -pf --mount-proc bash -c "$noexec" bash "$DYLDCTL" --team red region query
    # (reads the team of no program)
    printf '#include <errno.h>\n#include <sys/types.h>\nssize_t getxattr(const char *p, const char *n, void *v, size_t s) { errno = ENODATA; return -1; }\n' |
        gcc -shared -fPIC -x c -o "$TAP_TMP/no_team.so" -
    output=$(LD_PRELOAD=$TAP_TMP/no_team.so timeout 20 "$DYLDCTL" --team red region query 2>&1)
    like "$output" '^dyldctl: /proc/self/exe: is no member of team red, though it was executed as one$' "a member that does not know it is not executed again and again"
else
    skip "members of a team" "needs root, vm.memfd_noexec, and attributes of files in memory"
fi

# make clean
mkdir -p "$TAP_TMP/tree/out" && ln -s "$ROOT/out/bin" "$ROOT/out/lib" "$TAP_TMP/tree/out/"
STATE=$TAP_TMP/tree/out/test-state/one
ctl build "$FIX/hello" >/dev/null 2>&1
place=$(dirname "$(readlink "$STATE/active")")
ok "a state directory below out/ is in use" test -e "$place/"*/region
ok "make clean" make -s -C "$TAP_TMP/tree" -f "$ROOT/Makefile" -I "$ROOT" clean
not_ok "takes its activation along" test -e "$place"
tap_done
