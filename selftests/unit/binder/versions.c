// SPDX-License-Identifier: GPL-2.0-or-later
// Defines `answer` in an old and a new version, and `plain` in a third.
int answer_old(void) {
    return 1;
}
int answer_new(void) {
    return 2;
}
int plain(void) {
    return 3;
}
__asm__(".symver answer_old, answer@TEST_1\n"
        ".symver answer_new, answer@@TEST_2\n");
