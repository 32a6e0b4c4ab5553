#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Whole trees of processes under libdyldshim.so: shells in shells, make, configure-like scripts, python; what has
# no set or must not have one passes through.
cd "$(dirname "$0")/../.." && . selftests/lib/shim_tree.sh

HELLO=$FIX/hello
CC_PROGRAM=$(realpath /usr/bin/gcc)
PYTHON=$(realpath /usr/bin/python3)
mkdir "$TAP_TMP/work"
cp "$HELLO" "$TAP_TMP/setuid"
cp "$HELLO" "$TAP_TMP/capable"
cp "$FIX/secure" "$TAP_TMP/secure"
chown 65534:65534 "$TAP_TMP/setuid"
chmod 4755 "$TAP_TMP/setuid"
setcap cap_net_raw+ep "$TAP_TMP/capable" 2>/dev/null || echo "# setcap failed"
shim_state "$HELLO" "$TAP_TMP/setuid" "$TAP_TMP/capable" "$PYTHON" "$CC_PROGRAM" /bin/bash /bin/dash \
    /usr/bin/make /usr/bin/{env,cat,ls,sed,grep,expr,sort,tr,rm,mkdir,mv,cp,uname,true,date,id,ps,readlink}

same some "a shell in a shell in a shell" bash -c 'bash -c "sh -c \"bash -c \\\"$0 x; cat /proc/self/comm\\\"\""' "$HELLO"
is "$(in_tree bash -c 'sh -c "ls -d / | cat"; cat /dev/null' 2>&1 >/dev/null | grep -c prebuilt)" 4 "each of them is prebuilt"
same some "pipes, redirections, background and traps" bash -c '
    seq 1 50 | sort -rn | grep 7 | sed s/7/x/ | tr x y; (exit 3); echo $?
    trap "echo trapped" USR1; sh -c "kill -USR1 \$PPID"; sleep 0 & wait $!; echo $?; cat < <(ls -d /usr); ulimit -n 32; ls -d /'

cat >"$TAP_TMP/work/Makefile" <<'MAKE'
objects := $(patsubst %,part%.o,1 2 3 4 5 6)
program: $(objects)
	$(CC) -o $@ $^
	./$@
part%.o: part%.c
	@echo compile $<
	@$(CC) -c -o $@ $<
part1.c:
	echo 'int main(void) { return 0; }' >$@
part%.c:
	echo 'int f$*(void) { return $*; }' >$@
clean:
	rm -f part* program
.PRECIOUS: part%.c
MAKE
NORMALISE=(sort)
same some "make -j2 compiles and links a program" bash -c 'cd "$0" && make -s clean && make -s -j2 program CC=/usr/bin/gcc' "$TAP_TMP/work"
NORMALISE=(cat)

cat >"$TAP_TMP/work/configure" <<'CONFIGURE'
#!/bin/sh
# In the manner of autoconf: many small commands, here documents, programs that are compiled and run.
host=`uname -s | tr A-Z a-z | sed 's/[^a-z]//g'`
for tool in cat grep sed no-such-tool; do
    if (command -v $tool) >/dev/null 2>&1; then echo "checking for $tool... yes"; else echo "checking for $tool... no"; fi
done
for header in stdio.h no_such.h; do
    cat >conftest.c <<END
#include <$header>
int main(void) { return 0; }
END
    if /usr/bin/gcc -o conftest conftest.c >/dev/null 2>&1 && ./conftest; then answer=yes; else answer=no; fi
    echo "checking for $header... $answer"
done
n=0; while test `expr $n + 0` -lt 20; do n=`expr $n + 1`; done
echo "$host $n" | sed -e 's/linux/LINUX/' >config.log
mv config.log config.status && cat config.status && rm -f conftest* config.status
eval 'exit `expr 3 + 1`'
CONFIGURE
chmod +x "$TAP_TMP/work/configure"
same some "a script like configure" bash -c 'cd "$0" && ./configure' "$TAP_TMP/work"

cat >"$TAP_TMP/work/spawn.py" <<'PYTHON'
import multiprocessing, os, subprocess, sys

def square(n):
    return n * n, os.path.basename(sys.executable)

if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    with context.Pool(2) as pool:
        print(pool.map(square, range(8)))
    print(subprocess.run(["cat"], input=b"text", capture_output=True).stdout)
    print(subprocess.run("echo $0 | tr a-z A-Z", shell=True, capture_output=True).stdout)
    print(os.system("exit 3"), os.popen("ls -d /").read())
    print(os.spawnlp(os.P_WAIT, "sh", "sh", "-c", "exit 4"), os.path.realpath(sys.executable))
    child = os.posix_spawnp("cat", ["cat", "/proc/self/comm"], os.environ)
    sys.exit(os.waitpid(child, 0)[1])
PYTHON
same some "python: multiprocessing with spawn, subprocess, os.system, os.posix_spawn" "$PYTHON" "$TAP_TMP/work/spawn.py"
ok "python's children are prebuilt" bash -c "(( $(count_prebuilt "$PYTHON" "$TAP_TMP/work/spawn.py") >= 8 ))"
same some "perl: system, backquotes, pipes, exec" perl -e 'print `echo a b | tr a-z A-Z`; system("cat", "/dev/null") and die; open(my $f, "-|", "ls", "-d", "/") or die; print <$f>; $0 = "title"; print `cat /proc/$$/cmdline | tr "\\0" "|"`; exec("sh", "-c", "echo end")'
same some "awk: system and pipes" awk 'BEGIN { system("echo x"); "ls -d /" | getline line; print line; print "b\na" | "sort"; close("sort") }'

# What passes through.
for program in "$FIX/static" "$TAP_TMP/setuid" "$TAP_TMP/capable" "$FIX/script" "$FIX/shim_self"; do
    NORMALISE=(sed -E 's/[0-9]+/N/g; s/readlink, PID.*//')
    same 0 "$(basename "$program") passes through" "$FIX/shim_calls" execve "$program" x
done
NORMALISE=(cat)
same 0 "a set-user-ID program of another user gets its rights" "$FIX/shim_calls" execve "$TAP_TMP/setuid" x
if printf 'int main(void) { return 7; }' | gcc -m32 -x c -o "$TAP_TMP/narrow" - 2>/dev/null && "$TAP_TMP/narrow"; (($? == 7)); then
    same 0 "a 32-bit program passes through" "$FIX/shim_calls" execve "$TAP_TMP/narrow"
else
    skip "a 32-bit program passes through" "no 32-bit libc here"
fi
# DYLD_USE_CLOSURES=2: a set, or one line and 126; what ld-dyld.so could not start passes through.
must() { LD_PRELOAD=$SHIM DYLD_USE_CLOSURES=2 "$@" 2>&1; echo "$?"; }
refused() { printf 'dyld: jit %s; not started: DYLD_USE_CLOSURES=2\n126' "$1"; }
for call in execve execvp execveat execveat-fd execveat-dir fexecve-cloexec posix_spawn vfork; do
    is "$(must "$FIX/shim_calls" $call "$FIX/empty")" "$(refused no-set)" "2: $call() of a program without a set fails"
    like "$(DYLD_PRINT_LOADERS=1 must "$FIX/shim_calls" $call /bin/true)" "^dyld: prebuilt .*"$'\n'0$ "2: $call() of one with a set starts it"
done
is "$(must env "$FIX/empty")" "$(refused no-set)" "2: by env"
is "$(must "$FIX/shim_calls" system "$FIX/empty; echo \$?; $FIX/static >/dev/null 2>&1; echo \$?")" \
    "$(refused no-set)"$'\n'"$("$FIX/static" >/dev/null 2>&1; echo $?)"$'\n'"system 0"$'\n'0 "2: in a shell, too"
is "$(must env LD_LIBRARY_PATH=/none "$HELLO")" "$(refused 'environment LD_LIBRARY_PATH')" "2: a variable that changes loading"
is "$(must env DYLD_SHARED_REGION=avoid "$HELLO")" "$(refused disabled)" "2: a variable that says not to"
for list in "$SHIM:$FIX/libfixture.so" "$FIX/libfixture.so $SHIM" ":$SHIM"; do
    is "$(must env LD_PRELOAD="$list" "$HELLO")" "$(refused 'environment LD_PRELOAD')" "2: more in LD_PRELOAD than the shim: ${list//"$TAP_TMP"/}"
done
is "$(must bash -c 'unset LD_PRELOAD; exec "$0" x' "$HELLO" | tail -n 1)" "$("$HELLO" x >/dev/null 2>&1; echo $?)" "2: outside of the tree nothing asks"
for program in "$FIX/static" "$TAP_TMP/setuid" "$TAP_TMP/capable" "$FIX/script" /bin/true/none "$TAP_TMP/work/Makefile"; do
    is "$(must "$FIX/shim_calls" execve "$program" x | grep -av '^env ')" \
        "$( ("$FIX/shim_calls" execve "$program" x 2>&1; echo $?) | grep -av '^env ')" "2: $(basename "$program") passes through"
done
cp "$HELLO" "$TAP_TMP/copy"
same 0 "a copy of a program is another file: it passes through" "$FIX/shim_calls" execve "$TAP_TMP/copy" x
same 1 "a link to a program is that program" bash -c 'ln -sf "$0" "$1/link"; "$1/link" x' "$HELLO" "$TAP_TMP"
cp "$HELLO" "$TAP_TMP/changed"
"$DYLDCTL" --state "$STATE" build "$TAP_TMP/changed" >/dev/null 2>&1
same 1 "a program of one's own" "$FIX/shim_calls" execve "$TAP_TMP/changed" x
cp "$FIX/empty" "$TAP_TMP/changed"
same 0 "rewritten it passes through" "$FIX/shim_calls" execve "$TAP_TMP/changed" x
tap_done
