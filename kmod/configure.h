/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A request while it is worked on: between configure.c and range.c.
 */
#ifndef SHREG_CONFIGURE_H
#define SHREG_CONFIGURE_H

#include "region.h"

/* A mapping of the request with what belongs to it in the kernel. */
struct shreg_piece {
	struct shared_region_mapping arg;
	struct file *file;		/* NULL: zeros */
	bool denied;			/* nobody can open the file for writing */
	u64 ctime;			/* of the file, when it was checked */
	u64 *slide;
	char name[SHARED_REGION_NAME_MAX];	/* empty: none */
};

struct shreg_configuration {
	const struct shreg_environment *env;
	const struct shared_region_map_and_slide *arg;
	struct shreg_region *region;
	struct shreg_piece *pieces;
	unsigned int count;
	u64 slide_count;		/* of all pieces */
	u64 size;
};

/* range.c */
int shreg_make_ranges(struct shreg_configuration *config);

#endif /* SHREG_CONFIGURE_H */
