// SPDX-License-Identifier: GPL-2.0-or-later
// Refers to the old version, the new one, and by way of an object without versions (version_user_plain.c).
int answer_old(void);
int answer(void);
int plain(void);
__asm__(".symver answer_old, answer@TEST_1");

int (*old_word)(void) = answer_old;
int (*new_word)(void) = answer;
int (*plain_word)(void) = plain;
