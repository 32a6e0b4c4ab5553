# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Booting a guest in which dyldctl and some programs are installed. Source it in the tree's root.
. selftests/lib/tap.sh

# boot_with NAME SECONDS KERNEL COMMAND... -- FILE=GUEST_FILE...: runs selftests/ctl/guest/NAME.sh in a guest that has
# dyldctl, COMMANDs in /usr/bin with their libraries, and further files. BOOT_OPTIONS: of selftests/qemu/run. Does not return.
boot_with() {
    local name=$1 seconds=$2 kernel=$3 output file files commands libraries
    shift 3
    unset MAKEFLAGS MFLAGS
    if ! output=$(make --no-print-directory kmod KERNEL="$kernel" 2>&1); then
        fail "the module builds" "$output"
        tap_done
    fi
    commands=(out/bin/{dyldctl,shared-cache,make-ld-dyld})
    files=(--file /etc/ld.so.cache --file "selftests/ctl/guest/$name.sh=/opt/$name.sh"
        --file selftests/ctl/guest/guest.sh=/test/lib/guest.sh --file selftests/lib/tap.sh=/test/lib/tap.sh)
    for (( ; $#; )); do
        [[ $1 != -- ]] || break
        commands+=("$1")
        shift
    done
    for file in "${@:2}"; do
        files+=(--file "$file")
    done
    for file in "${commands[@]}"; do
        files+=(--file "$(readlink -f "$file")=/usr/bin/$(basename "$file")")
    done
    for file in out/lib/dyld-*.bin out/lib/libdyldshim.so; do
        files+=(--file "$file=/usr/lib/$(basename "$file")")
    done
    mapfile -t libraries < <(ldd "${commands[@]}" out/lib/libdyldshim.so | grep -oE '/[^ ]+\.so[^ ]*' | sort -u)
    for file in "${libraries[@]}"; do
        [[ $file == *: ]] || files+=(--file "$file")
    done
    TAP_FINISHED=1
    rm -rf "$TAP_TMP"
    trap - EXIT
    exec selftests/qemu/run --plan --timeout "$seconds" --log "out/qemu/$kernel/$name" --module "out/kmod/$kernel/shared_region.ko" \
        "${BOOT_OPTIONS[@]}" "${files[@]}" "$kernel" "/usr/bin/bash /opt/$name.sh"
}
