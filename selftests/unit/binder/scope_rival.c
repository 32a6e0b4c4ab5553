// SPDX-License-Identifier: GPL-2.0-or-later
// The same names as scope.cc, linked with -Bsymbolic: binds its own although it comes later.
int both = 11;
int weak_here = 12;
int only_in_rival = 13;
int guarded = 14;
int hidden = 15;

int *rival_both_word = &both;
int *rival_weak_word = &weak_here;
