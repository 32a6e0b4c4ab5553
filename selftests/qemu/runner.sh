#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The runner of the guests tells apart: a program that passes, fails, dies, hangs; a kernel that complains, panics, hangs.
# And, on those debug kernels that are built, what only they can see.
# shellcheck source=selftests/lib/tap.sh
source "$(dirname "$0")/../lib/tap.sh"
cd "$(dirname "$0")/../.." || exit 1
guest=selftests/qemu/guest
passes=out/qemu/passes
mkdir -p out/qemu # nothing has made it yet in a fresh clone

ok "a guest program builds" gcc -static -O1 -Wall -o "$passes" "$guest/passes.c"

# in_guest KERNEL [OPTION...] -- PROGRAM...: fills $output and $status
in_guest() {
    local kernel=$1 options=()
    shift
    while [[ $1 != -- ]]; do options+=("$1"); shift; done
    shift
    ok "the planted module builds for $kernel" selftests/qemu/build-module "$kernel" selftests/qemu/planted
    status=0
    output=$(selftests/qemu/run --log "out/qemu/runner-$kernel" --module "out/kmod/$kernel/planted.ko" "${options[@]}" \
        "$kernel" "$@" 2>&1) || status=$?
}

in_guest 6.1 -- "$passes"
is "$status" 0 "all well: exit code 0"
like "$output" 'ok [0-9]+ - passes: global.runs_as_child_of_pid_1.*passes: test 2 # SKIP nothing' "results are passed on, as children of PID 1"
like "$output" 'ok [0-9]+ - end: modules unload' "the module is unloaded at the end"

in_guest 6.1 --timeout 8 -- $guest/fails.sh $guest/dies.sh $guest/hangs.sh "$passes" $guest/removes.sh "$guest/plants.sh warn"
is "$status" 1 "failures: exit code 1"
like "$output" 'not ok [0-9]+ - fails: this fails' "a failed test is one"
unlike "$output" 'not ok [0-9]+ - fails: this passes' "and only that one"
like "$output" 'not ok [0-9]+ - dies: was killed by signal 11' "a dead program is told"
like "$output" 'not ok [0-9]+ - hangs: hangs' "a hanging program is told, and ended"
like "$output" $'\nok [0-9]+ - passes: global' "the next one runs and passes"
like "$output" $'\nok [0-9]+ - plants-warn: the program itself is content' "a kernel warning does not change the program's result"
like "$output" $'\nok [0-9]+ - removes: unloaded' "a program may unload the module, which comes back"
like "$output" 'not ok [0-9]+ - console: .*WARNING.*during plants-warn' "but fails, with the program's name"
like "$output" 'out/qemu/runner-6.1/console.log' "and says where the log is"

in_guest 6.1 -- "$guest/plants.sh panic" "$passes"
is "$status" 1 "panic: exit code 1"
like "$output" 'not ok [0-9]+ - plants-panic: did not end' "the program during which it died"
like "$output" 'not ok [0-9]+ - passes: was not run' "the programs after it"
like "$output" 'not ok [0-9]+ - console: .*panic' "the panic itself"

in_guest 6.1 --timeout 4 --limit 30 -- "$guest/plants.sh hang" "$passes"
is "$status" 1 "unkillable: exit code 1"
like "$output" 'not ok [0-9]+ - guest: did not end in 30 s' "the guest ran out of time"
like "$output" 'console: .*blocked for more than' "the kernel said who is blocked"

in_guest 6.12 --icount -- "$passes" "$guest/plants.sh oops"
like "$output" $'\nok [0-9]+ - passes: global' "6.12, instructions counted: a program passes"
like "$output" 'not ok [0-9]+ - console: .*NULL pointer dereference' "6.12: an oops is found"

# Without the option more than half of the guests die of this on QEMU before 8.1.
in_guest 6.12 --rewrites-code -- "$guest/rewrites.sh"
is "$status" 0 "code that is rewritten while it runs: exit code 0"
like "$output" 'ok [0-9]+ - rewrites: the kernel survives' "code that is rewritten while it runs: the kernel survives"

# asked VERSION [OPTION...]: the accelerator that a QEMU of this version is asked for; it does not start a guest.
mkdir "$TAP_TMP/bin"
asked() {
    local version=$1
    shift
    cat >"$TAP_TMP/bin/qemu-system-x86_64" <<STUB
#!/bin/sh
case \$1 in
--version) echo "QEMU emulator version $version" ;;
*) echo "\$2" >"$TAP_TMP/asked" ;;
esac
STUB
    chmod +x "$TAP_TMP/bin/qemu-system-x86_64"
    echo nothing >"$TAP_TMP/asked"
    PATH=$TAP_TMP/bin:$PATH quietly selftests/qemu/run --log out/qemu/runner-stub "$@" 6.1 "$passes" || true
    cat "$TAP_TMP/asked"
}
is "$(asked '7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)')" tcg,thread=multi "a thread for each processor is the rule"
is "$(asked '7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)' --rewrites-code)" tcg,thread=single "rewritten code: one thread for all on QEMU 7.2"
is "$(asked 8.0.50 --rewrites-code)" tcg,thread=single "rewritten code: and on 8.0"
is "$(asked 8.1.0 --rewrites-code)" tcg,thread=multi "rewritten code: not on 8.1"
is "$(asked '10.0.2 (Debian 1:10.0.2+ds-2)' --rewrites-code)" tcg,thread=multi "rewritten code: nor on 10.0"
is "$(asked 7.2.22 --icount --rewrites-code)" tcg "counted instructions: one thread by themselves"
is "$(asked unknown --rewrites-code)" nothing "a QEMU that does not tell its version is not asked for anything"

# debug KERNEL PLANT PATTERN
debug() {
    if [[ ! -e ${KERNELS:-out/kernels}/$1/complete ]]; then
        skip "$1 finds the planted $2" "no $1 kernel is built; make check-qemu KERNEL=$1 builds it"
        return
    fi
    in_guest "$1" -- "$passes" "$guest/plants.sh $2"
    like "$output" $'\nok [0-9]+ - passes: global' "$1: a program passes"
    like "$output" "$3" "$1 finds the planted $2"
}
debug lockdep deadlock 'not ok [0-9]+ - end: lockdep is still on.*not ok [0-9]+ - console: .*possible circular locking'
debug kasan leak 'not ok [0-9]+ - end: kmemleak finds no leak'
debug kasan overrun 'not ok [0-9]+ - console: .*KASAN: slab-out-of-bounds'
tap_done
