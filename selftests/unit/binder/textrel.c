// SPDX-License-Identifier: GPL-2.0-or-later
// A word in text that ld.so has to relocate.
int target;
__asm__(".text\n.balign 8\ntext_word: .quad target\n");
