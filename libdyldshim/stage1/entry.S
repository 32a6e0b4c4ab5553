# SPDX-License-Identifier: GPL-2.0-or-later
# Entry point of ld-dyld.so and the place of its configuration (config.h: kConfigOffset).
#
# The kernel enters with the stack pointer at argc, 16-byte aligned, and all other registers zero
# (ELF_PLAT_INIT). The genuine entry point is left the same way, so that it cannot tell the difference.

        .section .entry, "ax", @progbits
        .globl  _start
        .type   _start, @function
_start:
        mov     %rsp, %rdi
        call    stage1_main             # where to go on: the genuine entry point, or a newer ld.so's
        mov     %rax, %r11
        xor     %eax, %eax
        xor     %ecx, %ecx
        xor     %edx, %edx
        xor     %esi, %esi
        xor     %edi, %edi
        xor     %r8d, %r8d
        xor     %r9d, %r9d
        xor     %r10d, %r10d
        jmp     *%r11
        .size   _start, . - _start

        .org    64                      # kConfigOffset
        .globl  loader_config
        .type   loader_config, @object
loader_config:
        .ascii  "SHRGLDSO"              # kLoaderConfigMagic
        .long   3                       # kLoaderConfigVersion
        .long   136                     # sizeof(LoaderConfig)
        .fill   136 - 16, 1, 0          # make-ld-dyld fills in the rest
        .size   loader_config, . - loader_config
