#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The part of closures_guest.sh that runs in the guest, as root. selftests/ctl/closures.sh is about what building in the background
# does and leaves alone; this is about where programs' text and data come from.
# shellcheck source=selftests/ctl/guest/guest.sh
. /test/lib/guest.sh

export HOME=/var/home
own_dir=$HOME/.cache/shared-region
mkdir -p /etc /dev/shm /var/cache
mkdir -m 700 "$HOME"
mount -t tmpfs -o mode=755 run /run
mount -t tmpfs -o mode=1777 shm /dev/shm
chmod 755 / /var /var/cache /opt /opt/fix
chmod 666 /dev/shared_region
ln -s /proc/self/fd /dev/fd
programs=()
# (protections tells a difference that is meant: relro that nobody writes lies within text, docs/security.md.)
for file in /opt/fix/*; do
    [[ $file == *.so || $file == */protections ]] || programs+=("${file##*/}")
done
copies=/opt/copies
mkdir "$copies"
for file in /opt/fix/*.so; do ln -s "$file" "$copies/"; done
cp /opt/fix/{hello,uses_lib,cxx} "$copies/"

# mode VALUE DIRECTORY PROGRAM...: lines "PROGRAM EXIT-CODE OUTPUT DECISION"
mode() {
    local value=$1 program code
    cd "$2" || return
    shift 2
    for program; do
        code=0
        (
            ulimit -c 0
            [[ $value != [012] ]] || export DYLD_USE_CLOSURES=$value
            DYLD_PRINT_LOADERS=1 exec "./$program"
        ) >/tmp/out 2>/tmp/err </dev/null || code=$?
        echo "$program $code $(grep -avE '^env ' /tmp/out | cksum | cut -d' ' -f1) $(grep -a '^dyld: ' /tmp/err | sed -E 's/^dyld: //; s/^prebuilt [0-9a-f]+/prebuilt/; q')"
    done 2>/dev/null
}
without_decision() { cut -d' ' -f1-3 "$@"; }
differences() { diff "$@" 2>&1; } # (what diff cannot read is one, too)
of_served() { grep -Ff "$TAP_TMP/served" | without_decision; } # (names with their exit codes)

mode plain /opt/fix "${programs[@]}" | without_decision >"$TAP_TMP/plain"
comment dyldctl build "${programs[@]/#//opt/fix/}" /usr/bin/{true,bash,env,sed,cat,grep,cut,cksum}
comment dyldctl region configure
comment dyldctl interpreter set

mode unset /opt/fix "${programs[@]}" >"$TAP_TMP/unset"
is "$(differences <(without_decision "$TAP_TMP/unset") "$TAP_TMP/plain")" "" "unset: all ${#programs[@]} fixtures do what they do by ld.so"
sed -n 's/ [0-9]* prebuilt kernel$/ /p' "$TAP_TMP/unset" >"$TAP_TMP/served"
served=$(grep -c . "$TAP_TMP/served")
others=$((${#programs[@]} - served))
like "$served" '^(2[5-9]|[3-9][0-9])$' "most start from the kernel's region ($served)"
is "$(grep -v ' prebuilt kernel$' "$TAP_TMP/unset" | grep -v ' jit ')" "" "the others say why not ($others)"
diag "$(grep ' jit ' "$TAP_TMP/unset")"

mode 0 /opt/fix "${programs[@]}" >"$TAP_TMP/0"
is "$(differences <(without_decision "$TAP_TMP/0") "$TAP_TMP/plain")" "" "0: every fixture does what it does by ld.so"
is "$(grep -cv ' jit disabled$' "$TAP_TMP/0")" 0 "0: as it starts by it"

mode 2 /opt/fix "${programs[@]}" >"$TAP_TMP/2"
is "$(differences <(of_served <"$TAP_TMP/2") <(of_served <"$TAP_TMP/plain"))" "" "2: those with a set do what they do by ld.so"
is "$(grep -c ' prebuilt kernel$' "$TAP_TMP/2")" "$served" "2: from the kernel's region"
is "$(grep -cE '^[^ ]* 126 4294967295 jit .*; not started: DYLD_USE_CLOSURES=2$' "$TAP_TMP/2")" "$others" "2: the others end with 126 and one line"

mode 1 /opt/fix "${programs[@]}" >"$TAP_TMP/1"
is "$(differences <(without_decision "$TAP_TMP/1") "$TAP_TMP/plain")" "" "1: every fixture does what it does by ld.so"
is "$(grep -c ' jit building in-cache$' "$TAP_TMP/1")" "$served" "1: nothing is built for what the activation has a set of"
is "$(grep -cE ' jit building (started|failed-before|busy|not-possible)$' "$TAP_TMP/1")" "$others" "1: for the others it is tried"

settled() { # COUNT: until there are so many sets, and no builder
    local i
    for ((i = 0; i < 600; i++)); do
        [[ -n $(find "$own_dir" -name "*.lock" 2>/dev/null) || $(find "$own_dir" -name "*.set" 2>/dev/null | wc -l) -lt $1 ]] || return 0
        sleep 0.1
    done
    return 1
}
ok "1: every builder ends" settled 0
before=$(find "$own_dir" -name '*.set' 2>/dev/null | wc -l)
mode 1 "$copies" hello uses_lib cxx >"$TAP_TMP/1c"
is "$(grep -c ' jit building started$' "$TAP_TMP/1c")" 3 "1: sets of copies are built"
ok "1: each gets one" settled $((before + 3))
mode 2 "$copies" hello uses_lib cxx >"$TAP_TMP/2c"
is "$(grep -c ' prebuilt own kernel$' "$TAP_TMP/2c")" 3 "2: they start from these, with the kernel's region"
is "$(differences <(without_decision "$TAP_TMP/2c") <(without_decision "$TAP_TMP/1c"))" "" "2: and do what they did"
comment dyldctl interpreter clear
comment dyldctl clean
tap_done
