// SPDX-License-Identifier: GPL-2.0-or-later
// A program that refers to libc, to itself, to its bss, and (-DNEEDS_LIBRARY) to a library beside it.
#include <stdio.h>

#ifdef LARGE_BSS
static char large[3UL << 30];
#endif
#ifdef NEEDS_LIBRARY
extern int library_word;
extern int library_function(void);
#endif
#ifdef UNRESOLVED
extern int defined_nowhere(void);
#endif

static char text[] = "text";
char *volatile pointer = text;

int main(int argc, char **argv) {
    (void)argv;
#ifdef LARGE_BSS
    large[argc << 20] = 1;
#endif
#ifdef NEEDS_LIBRARY
    argc += library_function() + library_word;
#endif
#ifdef UNRESOLVED
    if (argc > 1000)
        argc += defined_nowhere();
#endif
    return fputs(pointer, stdout) < argc;
}
