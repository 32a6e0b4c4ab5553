# SPDX-License-Identifier: GPL-2.0-or-later
# Entry of the second stage at offset 0 of its blob, and its way out.

        .section .entry, "ax", @progbits
        .globl  _start
        .type   _start, @function
_start:                                 # JitReason (LaunchRequest *): launch.h
        jmp     stage2_main
        .size   _start, . - _start

# void resume_program(stack, program_entry, target): goes on in the genuine ld.so as if its _dl_start
# had just returned. Source: glibc sysdeps/x86_64/dl-machine.h, RTLD_START: rax is the program's entry
# point, rsp the initial stack pointer; nothing else is expected in a register.
        .text
        .globl  resume_program
        .hidden resume_program
        .type   resume_program, @function
resume_program:
        mov     %rdi, %rsp
        mov     %rsi, %rax
        mov     %rdx, %r11
        xor     %ebx, %ebx
        xor     %ecx, %ecx
        xor     %edx, %edx
        xor     %esi, %esi
        xor     %edi, %edi
        xor     %ebp, %ebp
        xor     %r8d, %r8d
        xor     %r9d, %r9d
        xor     %r10d, %r10d
        xor     %r12d, %r12d
        xor     %r13d, %r13d
        xor     %r14d, %r14d
        xor     %r15d, %r15d
        jmp     *%r11
        .size   resume_program, . - resume_program
