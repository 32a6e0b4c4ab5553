# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A 32-bit dynamic program and an ld.so for it, by the assembler alone: few machines have an i386 libc.

# make_bits32 DIRECTORY LD: DIRECTORY/program32, which says so and ends with 7, and DIRECTORY/ld32, which has to be at LD when it is started.
# False: this assembler or linker makes no i386 programs.
make_bits32() {
    local d=$1
    # ld32: to AT_ENTRY (9), behind argv and envp
    as --32 -o "$d/ld32.o" - <<'ASM' && as --32 -o "$d/program32.o" - <<'ASM2' || return
.globl _start
_start: mov %esp, %esi
    lodsl
    lea 4(%esi,%eax,4), %esi
1:  lodsl
    test %eax, %eax
    jnz 1b
2:  lodsl
    mov %eax, %ebx
    lodsl
    cmp $9, %ebx
    jne 2b
    jmp *%eax
ASM
.globl _start
_start: call 1f
1:  pop %ecx
    add $text - 1b, %ecx
    mov $8, %edx
    mov $1, %ebx
    mov $4, %eax
    int $0x80
    mov $7, %ebx
    mov $1, %eax
    int $0x80
text: .ascii "32 bits\n"
ASM2
    ld -m elf_i386 -pie --no-dynamic-linker -o "$d/ld32" "$d/ld32.o" && ld -m elf_i386 -pie -dynamic-linker "$2" -o "$d/program32" "$d/program32.o"
}
