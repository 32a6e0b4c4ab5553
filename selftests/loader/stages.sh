#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The stages as files: flat, self-contained, small enough.
set -u
. selftests/lib/tap.sh

for stage in dyld-stage1 dyld-tail dyld-stage2; do
    elf=out/obj/$stage.elf
    is "$(readelf -Wr "$elf" | grep -c R_X86_64)" 0 "$stage needs no relocation"
    is "$(nm -u "$elf")" "" "$stage has no undefined symbol"
    is "$(readelf -WS "$elf" | awk '$2 ~ /^\./ || $3 ~ /^\./' | grep -cE ' WA | \.(data|bss|got)')" 0 \
        "$stage has no writable data"
    is "$(readelf -Wh "$elf" | awk '/Entry point/ {print $4}')" 0x0 "$stage is entered at its first byte"
    is "$(objdump -d "$elf" | grep -cE '%(xmm|ymm|zmm|st|mm)[0-9(]')" 0 "$stage leaves SSE and x87 registers alone"
    is "$(objdump -d "$elf" | grep -cwE 'cpuid')" 0 "$stage never executes cpuid, which traps in virtual machines"
done

interpreter=$(realpath "$(readelf -Wl /bin/sh | sed -n 's/.*program interpreter: \(.*\)\]/\1/p')")
mkdir "$TAP_TMP/state"
ok "the first stage fits into the slack of this machine's ld.so" \
    out/bin/make-ld-dyld --ldso "$interpreter" --stage1 out/lib/dyld-stage1.bin \
    --tail out/lib/dyld-tail.bin --state "$TAP_TMP/state" \
    --output "$TAP_TMP/state/ld-dyld.so"
is "$(stat -c %a "$TAP_TMP/state/ld-dyld.so")" 755 "ld-dyld.so is executable for all and writable by its owner only"
is "$(ls "$TAP_TMP/state")" ld-dyld.so "no temporary file stays behind"
is "$(readelf -n "$interpreter" | grep Build)" "$(readelf -n "$TAP_TMP/state/ld-dyld.so" | grep Build)" \
    "ld-dyld.so keeps the build-id of its ld.so"

# Errors of the command
out=$(out/bin/make-ld-dyld --ldso /etc/passwd --stage1 out/lib/dyld-stage1.bin \
    --tail out/lib/dyld-tail.bin --state "$TAP_TMP/state" \
    --output "$TAP_TMP/state/other" 2>&1)
is $? 1 "a file that is no ld.so is an error"
like "$out" '^make-ld-dyld: /etc/passwd: at offset 0x0: not an ELF file$' "the error names file, offset and cause"
is "$(ls "$TAP_TMP/state")" ld-dyld.so "an error leaves nothing behind"
not_ok "a missing option is an error" out/bin/make-ld-dyld --ldso "$interpreter"
mkdir "$TAP_TMP/full"
if mount -t tmpfs -o size=64k none "$TAP_TMP/full" 2>/dev/null; then
    at_exit umount "$TAP_TMP/full"
    out=$(out/bin/make-ld-dyld --ldso "$interpreter" --stage1 out/lib/dyld-stage1.bin \
    --tail out/lib/dyld-tail.bin --state "$TAP_TMP/state" \
        --output "$TAP_TMP/full/ld-dyld.so" 2>&1)
    like "$out" 'write: No space left' "a full disk is an error"
    is "$(ls "$TAP_TMP/full")" "" "a full disk leaves nothing half-written behind"
else
    skip "a full disk is an error" "mounting tmpfs is not allowed"
    skip "a full disk leaves nothing half-written behind" "mounting tmpfs is not allowed"
fi
tap_done
