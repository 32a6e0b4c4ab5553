// SPDX-License-Identifier: GPL-2.0-or-later
// One reference of each kind of binding and visibility. scope_rival.c defines the same names further back.
extern "C" {
int both = 1;
__attribute__((weak)) int weak_here = 2;
extern __attribute__((weak)) int nowhere;
extern int only_in_rival;
__attribute__((visibility("protected"))) int guarded = 3;
__attribute__((visibility("hidden"))) int hidden = 4;
static int local = 5;

int *both_word = &both;
int *weak_word = &weak_here;
int *nowhere_word = &nowhere;
int *rival_word = &only_in_rival;
int *guarded_word = &guarded;
int *hidden_word = &hidden;
int *local_word = &local;
extern char absolute_symbol[]; // made by the linker's --defsym
char *absolute_word = absolute_symbol;
// ld.so's symbol: the word holds an offset in ld.so
extern void *__tls_get_addr(void *);
void *(*loader_word)(void *) = __tls_get_addr;
}

// STB_GNU_UNIQUE
template <class T> struct Unique { static inline T value = 6; };
int *unique_word = &Unique<int>::value;
