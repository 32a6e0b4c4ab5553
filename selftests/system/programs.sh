#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# In the second boot: the unit has switched everything on; real programs at real work do the same as by plain ld.so.
# shellcheck source=selftests/lib/tap.sh
. /test/lib/tap.sh
# shellcheck source=selftests/system/guest.sh
. /test/lib/guest.sh

is "$(systemctl is-active shared-region.service)" active "the unit has started at boot"
diag "$(systemctl show -P ExecMainStartTimestamp -P ActiveEnterTimestampMonotonic shared-region.service | tail -n 1) us after the kernel's start"
is "$(decision /bin/true)" prebuilt "programs start from the cache"

is "$(backend /bin/true)" kernel "with text and data of the kernel's region"
is "$(DYLD_SHARED_REGION=private backend /bin/true)" file "or of files, if so wanted"

work=$TAP_TMP/work
mkdir "$work"
export HOME=$work GIT_CONFIG_NOSYSTEM=1 TZ=UTC

# both PROGRAMS DESCRIPTION COMMAND...: by plain ld.so, in a mount namespace where nothing is substituted; as the system starts it;
# and with DYLD_USE_CLOSURES=0, by ld-dyld.so as JIT: the same output, errors and exit code each time. PROGRAMS are all that COMMAND
# and its children execute, in words: the second time each of them, each time, has its text from the kernel's region, the third
# time none has. A program without a set by nature is named as without:PROGRAM.
both() {
    local programs=$1 description=$2 way problems="" stream decisions d=$TAP_TMP/both
    local -A code=()
    shift 2
    mkdir -p "$d"
    code[plain]=0 code[prebuilt]=0 code[jit]=0
    (exec unshare -m -- "$@") </dev/null >"$d/plain.out" 2>"$d/plain.err" || code[plain]=$?
    DYLD_PRINT_LOADERS=1 /test/processes "$d/prebuilt.list" "$@" </dev/null >"$d/prebuilt.out" 2>"$d/prebuilt.raw" ||
        code[prebuilt]=$?
    DYLD_PRINT_LOADERS=1 DYLD_USE_CLOSURES=0 /test/processes "$d/jit.list" "$@" </dev/null >"$d/jit.out" 2>"$d/jit.raw" ||
        code[jit]=$?
    ((code[plain] < 125)) || problems+="plain: $(cat "$d/plain.err")"$'\n'
    for way in prebuilt jit; do
        grep -av '^dyld: ' "$d/$way.raw" >"$d/$way.err"
        for stream in out err; do
            cmp -s "$d/plain.$stream" "$d/$way.$stream" ||
                problems+=$(echo "$way: $stream differs:"; diff -a "$d/plain.$stream" "$d/$way.$stream" | head -n 10)$'\n'
        done
        ((code[plain] == code[$way])) || problems+="exit code ${code[plain]} plain, ${code[$way]} $way"$'\n'
        # shellcheck disable=SC2086 # words
        wanted "$way" $programs >"$d/wanted"
        sort -u "$d/$way.list" | cmp -s "$d/wanted" - ||
            problems+=$(echo "$way: programs, wanted and found:"; diff "$d/wanted" <(sort -u "$d/$way.list"); grep -a '^dyld: ' "$d/$way.raw" | sort | uniq -c)$'\n'
    done
    decisions=$(grep -a '^dyld: ' "$d/jit.raw" | sort -u)
    [[ $decisions == "dyld: jit disabled" ]] || problems+="jit: $decisions"$'\n'
    is "$problems" "" "$description"
    diag "$(wc -l <"$d/prebuilt.list") starts: $(sed 's#.*/##' "$d/prebuilt.list" | sort | uniq -c | tr -s ' \n' ' ')"
}

# wanted prebuilt|jit PROGRAM...: what the list of /test/processes should be, sorted.
wanted() {
    local way=$1 program how
    shift
    for program in "$@"; do
        how=plain
        [[ $way == jit || $program == without:* ]] || how=kernel
        echo "$(readlink -f "$(type -P "${program#without:}" || echo "${program#without:}")") $how"
    done | sort -u
}

both python3 "python: extension modules, threads, hashing, big numbers" /usr/bin/python3 -c '
import ssl, sqlite3, ctypes, zlib, hashlib, json, decimal, threading, lzma, bz2, socket
print(hashlib.sha256(b"x" * 100000).hexdigest(), zlib.crc32(b"abc"), decimal.Decimal(2) ** 200)
db = sqlite3.connect(":memory:"); db.execute("create table t(a)"); db.executemany("insert into t values(?)", [(i,) for i in range(100)])
print(db.execute("select sum(a) from t").fetchone(), ssl.OPENSSL_VERSION)
libc = ctypes.CDLL(None); print(libc.strlen(b"hello"), ctypes.CDLL("libm.so.6") is not None)
total = []; ts = [threading.Thread(target=lambda: total.append(sum(range(1000)))) for _ in range(8)]
[t.start() for t in ts]; [t.join() for t in ts]; print(sum(total))
print(len(lzma.compress(b"a" * 10000)), len(bz2.compress(b"a" * 10000)))'
both "python3 ls" "python: a child by subprocess" /usr/bin/python3 -c '
import subprocess; print(subprocess.run(["/usr/bin/ls", "/etc/passwd"], capture_output=True, text=True).stdout)'
both perl "perl: modules with compiled parts" /usr/bin/perl -MPOSIX -MData::Dumper -MDigest::MD5=md5_hex -MList::Util=sum -e '
print md5_hex("x" x 1000), " ", sum(1..100), " ", POSIX::floor(3.7), "\n"; $Data::Dumper::Sortkeys = 1; print Dumper({a => [1, 2], b => undef});'
both "bash sort head ls" "bash: pipes, subshells, arithmetic" /usr/bin/bash -c '
for i in {1..30}; do echo "$i $((i * i))"; done | sort -rn | head -n 5 | while read -r a b; do echo "$(echo "$a")-$b"; done; exec ls /etc/passwd'
# shellcheck disable=SC2016 # expanded by the inner shell
both "bash rm git /usr/lib/git-core/git" "git: init, commit, log, fsck" /usr/bin/bash -c '
    rm -rf "$HOME/repo" && git init -q -b main "$HOME/repo" && cd "$HOME/repo" && echo text >file && git add file &&
    GIT_AUTHOR_DATE="2000-01-01T00:00:00Z" GIT_COMMITTER_DATE="2000-01-01T00:00:00Z" \
    git -c user.name=n -c user.email=e@example.org commit -qm one && git log --stat && exec git fsck --full'
printf '#include <stdio.h>\nint main(void) { return printf("built\\n") != 6; }\n' >"$work/t.c"
# shellcheck disable=SC2016
both "bash gcc $cc1 as $collect2 ld without:$work/t ls" "gcc compiles, links, and the result runs" /usr/bin/bash -c 'gcc -O1 -o "$HOME/t" "$HOME/t.c" && "$HOME/t" && exec ls "$HOME/t"'
both clang "clang compiles to assembly" /usr/bin/clang -O2 -S -o - "$work/t.c"
# shellcheck disable=SC2016
both "bash make echo dash cat" "make runs a rule" /usr/bin/bash -c 'printf "all:\n\t@echo made \$(shell echo it) | cat\n" >"$HOME/Makefile"; exec make -s -C "$HOME"'
both curl "curl reads a file" /usr/bin/curl -s file:///etc/passwd
both ssh "ssh says its version" /usr/bin/ssh -V
both "gdb iconv" "gdb runs a Python script" /usr/bin/gdb -batch -nx -ex 'python import json; print(json.dumps({"a": int(gdb.parse_and_eval("1+1"))}))'
both id "NSS: users by name" /usr/bin/id root
runuser -u user -- /bin/ls / >"$TAP_TMP/user" 2>&1
is "$(cat "$TAP_TMP/user")" "$(/bin/ls /)" "another user's programs start"
is "$(DYLD_PRINT_LOADERS=1 runuser -u user -- /bin/true 2>&1 | tail -n 1 | cut -d' ' -f2)" prebuilt "from the cache, too"
tap_done
