#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Real programs at real work, both ways: extension modules, NSS, gconv, locales, children, threads, compilers.
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/both_ways.sh

installed() { command -v "$1" >/dev/null; }
programs=()
for name in python3 perl git bash openssl curl ssh-keygen gcc g++ as ld tar xz gzip find sort awk sed grep id getent iconv ls \
    date env dash make gdb clang; do
    path=$(PATH=/usr/bin:/usr/sbin command -v "$name") && programs+=("$path")
done
private_state "${programs[@]}"
work=$TAP_TMP/work
mkdir -p "$work"
export HOME=$work GIT_CONFIG_NOSYSTEM=1 TZ=UTC

both prebuilt "python: extension modules, threads, hashing, big numbers" /usr/bin/python3 -c '
import ssl, sqlite3, ctypes, zlib, hashlib, json, decimal, threading, lzma, bz2, socket, multiprocessing
print(hashlib.sha256(b"x" * 100000).hexdigest(), zlib.crc32(b"abc"), decimal.Decimal(2) ** 200)
db = sqlite3.connect(":memory:"); db.execute("create table t(a)"); db.executemany("insert into t values(?)", [(i,) for i in range(1000)])
print(db.execute("select sum(a) from t").fetchone(), ssl.OPENSSL_VERSION)
libc = ctypes.CDLL(None); print(libc.strlen(b"hello"), ctypes.CDLL("libm.so.6") is not None)
total = []; ts = [threading.Thread(target=lambda: total.append(sum(range(10000)))) for _ in range(8)]
[t.start() for t in ts]; [t.join() for t in ts]; print(sum(total))
print(len(lzma.compress(b"a" * 10000)), len(bz2.compress(b"a" * 10000)))'
both any "python: children by subprocess and multiprocessing" /usr/bin/python3 -c '
import subprocess, multiprocessing, sys
print(subprocess.run(["/usr/bin/ls", "/etc/passwd"], capture_output=True, text=True).stdout)
def square(x): return x * x
if __name__ == "__main__":
    with multiprocessing.Pool(4) as pool: print(pool.map(square, range(20)))'
both prebuilt "perl: modules with compiled parts" /usr/bin/perl -MPOSIX -MData::Dumper -MDigest::MD5=md5_hex -MList::Util=sum -e '
print md5_hex("x" x 1000), " ", sum(1..100), " ", POSIX::floor(3.7), "\n"; $Data::Dumper::Sortkeys = 1; print Dumper({a => [1, 2], b => undef});'
both any "bash: pipes, subshells, arithmetic" /usr/bin/bash -c '
for i in {1..30}; do echo "$i $((i * i))"; done | sort -rn | head -n 5 | while read -r a b; do echo "$(echo "$a")-$b"; done; printf "%(%Y)T\n" 0'
both prebuilt "NSS: users and groups by name" /usr/bin/getent passwd root nobody daemon
both prebuilt "id" /usr/bin/id root
both prebuilt "gconv: iconv between character sets" /usr/bin/iconv -f UTF-8 -t UTF-16LE /dev/stdin
both any "a locale's rules" env LC_ALL=C.UTF-8 sort /etc/passwd
both prebuilt "openssl: a cipher" bash -c 'exec openssl enc -aes-256-cbc -K 00 -iv 00 -in /etc/passwd -a'
both prebuilt "curl reads a file" /usr/bin/curl -s file:///etc/passwd
both prebuilt "tar and its child compressor" bash -c 'tar -cf - -C /etc passwd group | tar -tvf - | sed "s/^.* //"'
if installed git; then
    both any "git: init, commit, log, fsck" /usr/bin/bash -c '
        rm -rf "$HOME/repo" && git init -q -b main "$HOME/repo" && cd "$HOME/repo" && echo text >file && git add file &&
        GIT_AUTHOR_DATE="2000-01-01T00:00:00Z" GIT_COMMITTER_DATE="2000-01-01T00:00:00Z" \
        git -c user.name=n -c user.email=e@example.org commit -qm one && git log --stat && git fsck --full'
fi
if installed g++; then
    cat >"$work/t.cc" <<'CODE'
#include <iostream>
#include <map>
#include <string>
int main() {
    std::map<std::string, int> words;
    for (std::string w; std::cin >> w;) words[w]++;
    for (auto &[w, n] : words) std::cout << w << " " << n << "\n";
}
CODE
    INPUT=$work/t.cc
    both any "g++ compiles, links, and the result runs" /usr/bin/bash -c 'g++ -O1 -o "$HOME/t" "$HOME/t.cc" && exec "$HOME/t"'
    INPUT=/dev/null
fi
if installed clang; then
    echo 'int f(int x) { return x * 3 + 1; }' >"$work/f.c"
    both prebuilt "clang compiles to assembly" /usr/bin/clang -O2 -S -o - "$work/f.c"
fi
if installed ssh-keygen; then
    ssh-keygen -q -t ed25519 -N '' -f "$work/key" >/dev/null
    both prebuilt "ssh-keygen reads a key" /usr/bin/ssh-keygen -l -f "$work/key"
fi
both prebuilt "gdb runs a Python script" /usr/bin/gdb -batch -nx -ex 'python import json; print(json.dumps({"a": gdb.parse_and_eval("1+1").__int__()}))'
both any "make runs a rule" bash -c 'printf "all:\n\t@echo made \$(shell echo it)\n" | make -sf -'
tap_done
