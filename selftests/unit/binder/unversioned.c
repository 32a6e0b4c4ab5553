// SPDX-License-Identifier: GPL-2.0-or-later
// Linked without libversions.so, so that its references carry no version: `answer` then means the default
// version (the base one has index 2, and is hidden here), `plain` its only one.
int answer(void);
int plain(void);

int (*unversioned_answer_word)(void) = answer;
int (*unversioned_plain_word)(void) = plain;
