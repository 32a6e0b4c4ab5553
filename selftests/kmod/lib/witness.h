/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Damage: is the region as it was configured, here, in another attached process, and in one that attaches now?
 */
#ifndef SHREG_WITNESS_H
#define SHREG_WITNESS_H

#include "fixture.h"

#include <sys/types.h>

/* The region's content as it must be; computed once, as comparing is much cheaper. */
struct expected {
	const struct region *region;
	char *content;
	size_t pages;
};

int expected_compute(struct expected *expected, const struct region *region);
void expected_free(struct expected *expected);
static inline const char *expected_page(const struct expected *expected, size_t page)
{
	return expected->content + page * 4096UL;
}

/* Number of pages in [first, first + count) that this process sees differently. */
long expected_wrong(const struct expected *expected, size_t first, size_t count);
long expected_all_wrong(const struct expected *expected);

enum witness_kind {
	WITNESS_ATTACHED,	/* attaches at the start, eagerly, and stays */
	WITNESS_FRESH,		/* never attached; each question is answered by a new child, which attaches */
};

/* Another process that answers. Start it before the caller attaches. */
struct witness {
	pid_t pid;
	int ask, answer;
};

int witness_start(struct witness *witness, enum witness_kind kind, const struct expected *expected);
/* Number of wrong pages; -1: it could not attach, or is dead. */
long witness_wrong(struct witness *witness);
void witness_stop(struct witness *witness);

#endif
