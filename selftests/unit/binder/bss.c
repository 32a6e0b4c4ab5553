// SPDX-License-Identifier: GPL-2.0-or-later
// More bss than the cache stores.
char large_bss[1 << 20];
char *large_bss_word = &large_bss[1 << 19];
