# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# For the programs of selftests/system/, which run as root in a guest with a Debian root file system and systemd
# (docs/testing.md, "Whole systems"): source it after tap.sh.

# shellcheck disable=SC2034 # for who sources this
STATE=/var/cache/shared-region
# shellcheck disable=SC2034
genuine=$(readlink -f /lib64/ld-linux-x86-64.so.2)
export LC_ALL=C.UTF-8

# What the second boot starts, and what those start.
cc1=$(gcc -print-prog-name=cc1 2>/dev/null)
collect2=$(gcc -print-prog-name=collect2 2>/dev/null)
# shellcheck disable=SC2034
real_programs=(/bin/{true,bash,dash,ls,cat,env,sort,sed,grep,head,rm,echo} /usr/bin/{perl,python3,git,curl,ssh,gdb,clang,make,id,iconv} /usr/lib/git-core/git
    /usr/bin/{gcc,as,ld} "$cc1" "$collect2")

# How COMMAND's last program was started: "prebuilt", "jit REASON [DETAIL]", or "none": by the genuine ld.so.
decision() {
    local line
    line=$(DYLD_PRINT_LOADERS=1 "$@" 2>&1 >/dev/null </dev/null | grep -a '^dyld: ' | tail -n 1)
    case $line in
    "dyld: prebuilt "*) echo prebuilt ;;
    "dyld: "*) echo "${line#dyld: }" ;;
    *) echo none ;;
    esac
}

# Whether COMMAND's text and data come from the kernel's region: the last word of what ld-dyld.so says.
backend() {
    local line
    line=$(DYLD_PRINT_LOADERS=1 "$@" 2>&1 >/dev/null </dev/null | grep -a '^dyld: prebuilt ' | tail -n 1)
    case $line in
    *' kernel') echo kernel ;;
    *prebuilt*) echo file ;;
    *) echo none ;;
    esac
}

# A process that starts programs, round after round, until stop_starting. What is wrong goes to $TAP_TMP/errors.
start_starting() {
    : >"$TAP_TMP/errors"
    : >"$TAP_TMP/rounds"
    (
        trap 'stop=1' TERM
        until ((${stop-})); do
            for command in "/bin/true" "/bin/ls /" "perl -e 1" "python3 -S -c pass" "bash -c :" "git --version"; do
                $command >/dev/null 2>"$TAP_TMP/errors.now" ||
                    { echo "$command: status $?"; cat "$TAP_TMP/errors.now"; } >>"$TAP_TMP/errors"
            done
            echo >>"$TAP_TMP/rounds"
        done
    ) &
    starter=$!
}

rounds() { wc -l <"$TAP_TMP/rounds"; }

# stop_starting DESCRIPTION: not one start has failed, up to a whole round after this call.
stop_starting() {
    local seen
    seen=$(rounds)
    until (($(rounds) >= seen + 2)); do sleep 0.1; done
    kill "$starter"
    wait "$starter"
    is "$(head -n 20 "$TAP_TMP/errors")" "" "$1"
    diag "$((6 * $(rounds))) starts"
}

# A copy of a file of ld.so or libc that differs in its build-id: what an upgrade is to sharedregion.
upgraded() { # FILE COPY
    local offset
    cp -p "$1" "$2"
    offset=$(readelf -SW "$1" | sed -n 's/.*\.note\.gnu\.build-id *NOTE *[0-9a-f]* \([0-9a-f]*\) .*/\1/p')
    printf 'upgraded' | dd of="$2" bs=1 seek=$((16#$offset + 16)) conv=notrunc status=none
}
