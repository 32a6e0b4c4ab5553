// SPDX-License-Identifier: GPL-2.0-only
/*
 * From the mappings of a request to ranges, each of which is one VMA of an attached process: as few
 * as protections allow, as each costs thousands of instructions at every attach.
 */
#include <linux/mman.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "configure.h"

/* Page by page the number of its mapping + 1, as later mappings replace earlier ones; 0: none. */
static u16 *shreg_page_owners(const struct shreg_configuration *config)
{
	u16 *owners = shreg_may_fail(kvcalloc(config->size >> PAGE_SHIFT, sizeof(*owners),
					      GFP_KERNEL_ACCOUNT), NULL);
	unsigned int i;

	BUILD_BUG_ON(SHARED_REGION_MAX_MAPPINGS >= U16_MAX);
	for (i = 0; owners && i < config->count; i++) {
		const struct shared_region_mapping *map = &config->pieces[i].arg;

		memset16(owners + (map->region_offset >> PAGE_SHIFT), i + 1,
			 PAGE_ALIGN(map->length) >> PAGE_SHIFT);
	}
	return owners;
}

static unsigned int shreg_prot_of(const struct shreg_configuration *config, u16 owner)
{
	BUILD_BUG_ON(SHARED_REGION_PROT_READ != PROT_READ);
	BUILD_BUG_ON(SHARED_REGION_PROT_WRITE != PROT_WRITE);
	BUILD_BUG_ON(SHARED_REGION_PROT_EXEC != PROT_EXEC);
	return owner ? config->pieces[owner - 1].arg.prot : 0;
}

/* The number of ranges, which are filled in if @ranges is not NULL. */
static unsigned long shreg_split(const struct shreg_configuration *config, const u16 *owners,
				 struct shreg_range *ranges)
{
	u64 pages = config->size >> PAGE_SHIFT;
	unsigned long count = 0;
	u64 i, start = 0;

	for (i = 1; i <= pages; i++) {
		unsigned int prot = shreg_prot_of(config, owners[start]);

		if (i < pages && shreg_prot_of(config, owners[i]) == prot)
			continue;
		if (ranges)
			ranges[count] = (struct shreg_range){ .offset = start << PAGE_SHIFT,
							      .size = (i - start) << PAGE_SHIFT,
							      .prot = prot };
		count++;
		start = i;
	}
	return count;
}

/* @seen: for each mapping the number of the last range that it was found in. */
static int shreg_name_range(const struct shreg_configuration *config, const u16 *owners,
			    struct shreg_range *range, u32 *seen, u32 number)
{
	u64 page, first = range->offset >> PAGE_SHIFT, count = range->size >> PAGE_SHIFT;
	const char *name = NULL;
	unsigned int others = 0;

	for (page = first; page < first + count; page++) {
		const struct shreg_piece *piece = &config->pieces[owners[page] - 1];

		if (!owners[page] || seen[owners[page] - 1] == number)
			continue;
		seen[owners[page] - 1] = number;
		if (!name && piece->name[0])
			name = piece->name;
		else
			others++;
	}
	if (!name)
		return 0;
	range->name = shreg_may_fail(others ? kasprintf(GFP_KERNEL_ACCOUNT, "%s+%u", name, others) :
					      kstrdup(name, GFP_KERNEL_ACCOUNT), NULL);
	return range->name ? 0 : -ENOMEM;
}

static int shreg_name_ranges(const struct shreg_configuration *config, const u16 *owners)
{
	struct shreg_region *region = config->region;
	unsigned long i;
	int ret = 0;
	u32 *seen;

	seen = shreg_may_fail(kvcalloc(config->count, sizeof(*seen), GFP_KERNEL_ACCOUNT), NULL);
	if (!seen)
		return -ENOMEM;
	for (i = 0; i < region->range_count && !ret; i++) {
		ret = shreg_name_range(config, owners, &region->ranges[i], seen, i + 1);
		cond_resched();
	}
	kvfree(seen);
	return ret;
}

int shreg_make_ranges(struct shreg_configuration *config)
{
	struct shreg_region *region = config->region;
	u16 *owners = shreg_page_owners(config);
	int ret = -ENOMEM;

	if (!owners)
		return -ENOMEM;
	region->range_count = shreg_split(config, owners, NULL);
	region->ranges = shreg_may_fail(kvcalloc(region->range_count, sizeof(*region->ranges),
						 GFP_KERNEL_ACCOUNT), NULL);
	if (region->ranges) {
		shreg_split(config, owners, region->ranges);
		ret = shreg_name_ranges(config, owners);
	}
	kvfree(owners);
	return ret;
}
