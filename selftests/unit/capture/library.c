// SPDX-License-Identifier: GPL-2.0-or-later
// The library that plain.c needs; -DLINK_ONLY: with a function that it does not have when it runs.
int library_word = 7;
int *library_pointer = &library_word;
int library_function(void) {
    return *library_pointer;
}
#ifdef LINK_ONLY
int defined_nowhere(void) {
    return 1;
}
#endif
