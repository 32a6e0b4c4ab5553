# SPDX-License-Identifier: GPL-2.0-or-later
# Entry point of the tail and its mark (shared/tail.h: TailHeader).

        .section .entry, "ax", @progbits
        .globl  _start
        .type   _start, @function
_start:
        jmp     tail_main
        .size   _start, . - _start

        .org    8                       # TailHeader
        .ascii  "SHRGTAIL"              # kTailMagic
        .long   5                       # kTailVersion
        .long   0
