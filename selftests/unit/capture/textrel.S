# SPDX-License-Identifier: GPL-2.0-or-later
# Text that holds an address: the program needs text relocations.
    .text
    .globl main
main:
    xor %eax, %eax
    ret
    .balign 8
    .quad main
    .section .note.GNU-stack,"",@progbits
