// SPDX-License-Identifier: GPL-2.0-or-later
// A shared object with one dynamic relocation of every type that compilers and assemblers make on
// x86-64 (tlsdesc.c has the TLS descriptors). Which word is which: `readelf -rW libtypes.so`.
#include <stdio.h>
#include <unistd.h>

static int local_data[4] = {1, 2, 3, 4};
int global_data = 1;
static int local_bss[64];

// RELATIVE, or RELR with -z pack-relative-relocs; a run of words makes RELR bitmaps.
int *relative_words[] = {&local_data[0], &local_data[1], &local_data[2], &local_data[3],
                         &local_bss[0],  &local_bss[63], &local_data[0]};
// 64, with an addend, against own and foreign symbols
int *own_word = &global_data;
char *own_word_plus = (char *)&global_data + 2;
char ***foreign_word = &environ;
int (*foreign_function)(const char *) = puts;

// GLOB_DAT and JUMP_SLOT
int *address_of_global(void) {
    return &global_data;
}
int calls_puts(void) {
    return puts("types");
}

// DTPMOD64 and DTPOFF64: with a symbol, and for the own block; TPOFF64: with and without a symbol
__thread int tls_global = 1;
static __thread int tls_local[3] = {1, 2, 3};
__attribute__((tls_model("initial-exec"))) __thread long tls_initial = 4;
__attribute__((tls_model("initial-exec"))) static __thread char tls_initial_local;
int *address_of_tls_global(void) {
    return &tls_global;
}
int *address_of_tls_local(int i) {
    return &tls_local[i];
}
long *address_of_tls_initial(void) {
    return &tls_initial;
}
char *address_of_tls_initial_local(void) {
    return &tls_initial_local;
}

// IRELATIVE, and references to an IFUNC by name
static int implementation(void) {
    return 42;
}
static int (*resolve(void))(void) {
    return implementation;
}
static int local_ifunc(void) __attribute__((ifunc("resolve")));
int global_ifunc(void) __attribute__((ifunc("resolve")));
int (*global_ifunc_word)(void) = global_ifunc;
int calls_ifuncs(void) {
    return local_ifunc() + global_ifunc();
}

// SIZE64, SIZE32
__asm__(".data\n"
        ".balign 8\n"
        "size64_word: .quad global_data@SIZE + 1\n"
        "size32_word: .long global_data@SIZE\n"
        ".long 7\n"
        ".text\n");
