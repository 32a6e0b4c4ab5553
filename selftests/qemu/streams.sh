#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The parts of the guest runner that read text: TAP streams (merge-tap), consoles (console-findings), boots (plan-boots).
# shellcheck source=selftests/lib/tap.sh
source "$(dirname "$0")/../lib/tap.sh"
here=$(dirname "$0")

# merged NAMES: standard input as the guest's stream
merged() { tr '\n' '\r' | sed 's/\r/\r\n/g' | "$here/merge-tap" -v names="$1" /dev/stdin | tr '\n' ';'; }

is "$(printf '@begin a\nTAP version 13\n1..2\nok 1 global.x\nok 2 # SKIP no\n@end a 0 \n@done\n' | merged a)" \
    "ok 1 - a: global.x;ok 2 - a: test 2 # SKIP no;@count 2;" "kselftest's form is read"
is "$(printf '@begin a\n1..1\nok 1 - x\n@end a 0 \n@begin b\n1..1\nnot ok 1 - y\n@end b 1 \n@done\n' | merged 'a b')" \
    "ok 1 - a: x;not ok 2 - b: y;@count 2;" "two streams become one"
is "$(printf '@begin a\n1..0 # SKIP no device\n@end a 4 \n@done\n' | merged a)" \
    "ok 1 - a # SKIP no device;@count 1;" "a program that skips everything is one skip"
like "$(printf '@begin a\n1..2\nok 1 - x\n@end a 0 \n@done\n' | merged a)" \
    'not ok 2 - a: plan of 2 but 1 results' "a missing result fails"
like "$(printf '@begin a\nhello\n@end a 0 \n@done\n' | merged a)" 'not ok 1 - a: no plan' "no plan fails"
like "$(printf '@begin a\n1..1\nok 1 - x\n@end a 1 \n@done\n' | merged a)" \
    'not ok 2 - a: status 1 without a failed test' "a status without a failed test fails"
like "$(printf '@begin a\n1..1\nok 1 - x\n@end a 139 \n@done\n' | merged a)" \
    'not ok 2 - a: was killed by signal 11' "a killed program fails"
like "$(printf '@begin a\n1..1\n@end a 137 timeout\n@done\n' | merged a)" 'not ok 1 - a: hangs' "a timeout fails"
like "$(printf '@begin a\n1..1\nok 1 - x\n' | merged 'a b')" \
    'not ok 2 - a: did not end.*not ok 3 - b: was not run' "a dead guest fails what ran and what did not"
like "$(printf '' | merged a)" 'not ok 1 - a: was not run' "an empty stream fails"
like "$(printf '@begin a\n1..1\nok 1 - x\n@end a 0 \n' | merged a)" 'not ok 2 - guest: ended early' \
    "a guest that ends after its programs but before its checks fails"

findings() { printf '%s\r\n' "$@" >"$TAP_TMP/console"; "$here/console-findings" "$TAP_TMP/console"; }
while IFS= read -r line; do
    is "$(findings "guest: begin a" "[    1.5] $line")" "[    1.5] $line (during a)" "found: $line"
done <<'LINES'
WARNING: CPU: 0 PID: 5 at mm/memory.c:1 f+0x1/0x2
kernel BUG at mm/rmap.c:1!
BUG: kernel NULL pointer dereference, address: 0000000000000000
BUG: Bad page state in process a  pfn:00001
BUG: Bad page map in process a  pte:1 pmd:2
BUG: Bad rss-counter state mm:000 type:MM_ANONPAGES val:1
BUG: non-zero pgtables_bytes on freeing mm: 4096
BUG: sleeping function called from invalid context at mm/x.c:1
BUG: scheduling while atomic: a/1/0x2
BUG: workqueue lockup - pool cpus=0
BUG: KASAN: use-after-free in f+0x1/0x2
Oops: 0002 [#1] PREEMPT SMP NOPTI
general protection fault, probably for non-canonical address 0x1: 0000 [#1]
Kernel panic - not syncing: Attempted to kill init! exitcode=0x0
watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [a:1]
INFO: task a:1 blocked for more than 30 seconds.
rcu: INFO: rcu_preempt self-detected stall on CPU
rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:
WARNING: possible circular locking dependency detected
WARNING: suspicious RCU usage
INFO: trying to register non-static key. turning off the locking correctness validator.
swap_info_get: Bad swap file entry 1
mm/pgtable-generic.c:1: bad pmd 000(1)
list_del corruption. next->prev should be 1, but was 2
UBSAN: array-index-out-of-bounds in mm/x.c:1:1
kmemleak: 1 new suspected memory leaks (see /sys/kernel/debug/kmemleak)
LINES
like "$(findings "guest: begin a" "WARNING: CPU: 0" "RIP: 0010:f+0x1/0x2 [m]" "RIP: 0033:0x1")" \
    $'during a.\nat f.0x1/0x2 .m. .during a.$' "the place in the kernel is told"
while IFS= read -r line; do
    is "$(findings "$line")" "" "not taken for a finding: $line"
done <<'LINES'
planted: loading out-of-tree module taints kernel.
Out of memory: Killed process 5 (a) total-vm:1kB
FAULT_INJECTION: forcing a failure.
a[5]: segfault at 0 ip 0 sp 0 error 4 in a[400000+1000]
rcu: Hierarchical RCU implementation.
sysrq: Show Blocked State
LINES

mkdir "$TAP_TMP/tests"
for program in a_test b_test c_test; do
    printf '#!/bin/sh\n' >"$TAP_TMP/tests/$program"
    chmod +x "$TAP_TMP/tests/$program"
done
# planned KERNEL PROGRAM... : standard input as the file of boots; the directory's name is left out
planned() {
    cat >"$TAP_TMP/boots"
    { "$here/plan-boots" "$1" "$TAP_TMP/boots" "$TAP_TMP/tests" "${@:2}" 2>&1 || echo "status $?"; } | sed "s#$TAP_TMP/tests/##g;s#$TAP_TMP/##g" | tr '\n' ';'
}
is "$(planned 6.1 <<<'boot all -- ...')" "boot all '' -- a_test b_test c_test ;" "boots: ... is all programs"
two=$'boot all -- ...\nboot one --parameters "x=1 y=2" --append "p q" --icount --kernels "6.1 6.12" -- "b_test -v" b_test'
is "$(planned 6.12 <<<"$two")" \
    "boot all '' -- a_test c_test ;boot one x=1\\ y=2 --append p\\ q --icount -- b_test\\ -v b_test ;" \
    "boots: a program that a later line names is not in ...; words keep together"
is "$(planned 6.1 <<<$'boot all -- ...\nboot one --rewrites-code --smp 3 -- c_test')" \
    "boot all '' -- a_test b_test ;boot one '' --rewrites-code --smp 3 -- c_test ;" "boots: options without an argument go on to run"
is "$(planned kasan <<<"$two")" "boot all '' -- a_test c_test ;skip b_test boots\\ runs\\ it\\ only\\ on\\ 6.1\\ 6.12 ;" \
    "boots: a program that is only for other kernels is told as skipped"
is "$(planned 6.1 b_test <<<"$two")" "boot one x=1\\ y=2 --append p\\ q --icount -- b_test\\ -v b_test ;" \
    "boots: programs that are asked for run in their boot, alone"
is "$(planned 6.1 a_test c_test <<<"$two")" "boot all '' -- a_test c_test ;" "boots: also those of ..."
like "$(planned 6.1 a_test d_test <<<"$two")" '^plan-boots: no program d_test in .*;status 2;$' \
    "boots: asking for a program that is not there fails"
while IFS='|' read -r lines message; do
    like "$(printf '%b\n' "$lines" | planned 6.1)" "^plan-boots: [^;]*${message}[^;]*;status 2;\$" "boots: a wrong line fails: $message"
done <<'LINES'
boot all --icount|no -- before the programs
boot all -- ...\nboot x --apend quiet -- a_test|unknown option --apend
boot all -- ...\nboot x --log y -- a_test|unknown option --log
boot all -- ...\nboot x --append -- a_test|--append needs an argument
boot all -- ...\nboot x --icount --|names no program
boot all -- ...\nboot x -- d_test|no program .d_test
boot all -- ...\nboot x --kernels 6.2 -- a_test|unknown kernel 6.2
boot all -- ...\nboot x --kernels "" -- a_test|no kernel
boot all -- ...\nboot all -- a_test|two boots have this name
boot -- ...|begins with its name
boot all -- ...\nboot rest -- ...|stands in all already
boot x -- a_test b_test|c_test: no boot of .* runs it on
boot all --kernels "6.1 6.12 lockdep" -- ...\nboot x -- a_test|no boot of .* runs it on kasan
LINES
like "$(planned 6.1 <<<'bot all -- ...')" 'bot: command not found;status' "boots: an unknown word fails"

# The sum of everything: a test whose log has vanished has not passed.
echo "rm -f '$TAP_TMP'/logs/*.log; echo ok 1 - x; echo 1..1" >"$TAP_TMP/vanishes.sh"
like "$("$here/../run-all" -o "$TAP_TMP/logs" "$TAP_TMP/vanishes.sh" 2>&1)" 'FAIL .*no result.*0 passed, 1 failed' "a test without a result fails"
cat >"$TAP_TMP/fails.sh" <<'EOF'
printf '%s\n' '# of the first' 'ok 1 - a' '# x.c:7: Expected 0 == bad' 'not ok 2 - b' '# said after it' 'ok 3 - c' '# of no failure' 'ok 4 - d' 1..4
EOF
said=$("$here/../run-all" -o "$TAP_TMP/logs" "$TAP_TMP/fails.sh" 2>&1)
like "$said" $'\n3: # x.c:7: Expected 0 == bad\n4: not ok 2 - b\n5: # said after it\n[^0-9]*ok 3' "what was said of a failed test is shown"
unlike "$said" '[12]: # of the first' "what was said of others is not"

# Lanes: two tests of which each waits for the other one.
meets() { # MINE OTHER
    echo "touch '$TAP_TMP/$1.here'; for i in {1..200}; do [[ -e '$TAP_TMP/$2.here' ]] && echo ok 1 - met && break; sleep 0.1; done; echo 1..1"
}
meets one two >"$TAP_TMP/one.sh"
meets two one >"$TAP_TMP/two.sh"
printf '%s\n' 'trap "echo ok 1 - interrupted; echo 1..1; exit" INT; kill -INT $$; echo 1..1' >"$TAP_TMP/sigint.sh"
is "$("$here/../run-all" -o "$TAP_TMP/logs" "$TAP_TMP/sigint.sh" "$TAP_TMP/one.sh" + "$TAP_TMP/two.sh" "$TAP_TMP/vanishes.sh" 2>&1 | tail -n 1)" \
    "3 passed, 1 failed, 0 skipped" "lanes run beside each other, are summed up, and leave SIGINT as it is"
is "$("$here/../run-all" -o "$TAP_TMP/logs" + "$TAP_TMP/sigint.sh" 2>&1 | tail -n 1)" "1 passed, 0 failed, 0 skipped" "a lane may be empty"
tap_done
