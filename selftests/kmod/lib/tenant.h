/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process in a control group that has written copies of the region's data, and does as it is told: so that its
 * pages can be swapped out, moved, read by a debugger, or itself be killed, and then be compared.
 */
#ifndef SHREG_TENANT_H
#define SHREG_TENANT_H

#include "witness.h"

struct tenant {
	pid_t pid;
	int ask, answer;
};

enum tenant_order {
	TENANT_WRITE = 'w',	/* marks each page of data anew: it has copies of all */
	TENANT_COMPARE = 'c',	/* answers with the number of wrong pages */
	TENANT_FORK = 'f',	/* a child compares, writes to all, compares; then the tenant itself compares */
	TENANT_DETACH = 'd',
	TENANT_ATTACH = 'a',
	TENANT_UNMAP = 'u',	/* the first half of the data */
};

/* Enters the group (NULL: none), attaches, writes. 0, or -1. */
int tenant_start(struct tenant *tenant, const struct expected *expected, const char *group);
/* The answer: 0 or the number of wrong pages; -1: the tenant is dead. */
long tenant_do(struct tenant *tenant, enum tenant_order order);
/* What the tenant has in a page of data after `writes` orders to write. */
void tenant_page(const struct expected *expected, size_t page, int writes, void *to);
void tenant_stop(struct tenant *tenant);

#endif
