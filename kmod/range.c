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
struct shreg_owners {
	u16 *ground;
	u16 *on_request;
};

static int shreg_alloc_owners(const struct shreg_configuration *config, struct shreg_owners *owners)
{
	size_t count = config->size >> PAGE_SHIFT;

	BUILD_BUG_ON(SHARED_REGION_MAX_MAPPINGS >= U16_MAX);
	owners->ground = shreg_may_fail(kvcalloc(count, sizeof(u16), GFP_KERNEL_ACCOUNT), NULL);
	owners->on_request = shreg_may_fail(kvcalloc(count, sizeof(u16), GFP_KERNEL_ACCOUNT), NULL);
	return owners->ground && owners->on_request ? 0 : -ENOMEM;
}

static void shreg_free_owners(struct shreg_owners *owners)
{
	kvfree(owners->ground);
	kvfree(owners->on_request);
}

static unsigned int shreg_prot_of(const struct shreg_configuration *config, u16 owner)
{
	BUILD_BUG_ON(SHARED_REGION_PROT_READ != PROT_READ);
	BUILD_BUG_ON(SHARED_REGION_PROT_WRITE != PROT_WRITE);
	BUILD_BUG_ON(SHARED_REGION_PROT_EXEC != PROT_EXEC);
	return owner ? config->pieces[owner - 1].arg.prot : 0;
}

/* A mapping on request needs one below that says how its pages are mapped otherwise. */
static int shreg_check_ground(const struct shreg_configuration *config, const u16 *ground,
			      u64 pages)
{
	u64 i;

	for (i = 0; i < pages; i++) {
		unsigned int prot = shreg_prot_of(config, ground[i]);

		if (!prot || (prot & PROT_WRITE))
			return -EINVAL;
	}
	return 0;
}

static int shreg_find_owners(const struct shreg_configuration *config, struct shreg_owners *owners)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < config->count && !ret; i++) {
		const struct shared_region_mapping *map = &config->pieces[i].arg;
		u64 first = map->region_offset >> PAGE_SHIFT;
		u64 pages = PAGE_ALIGN(map->length) >> PAGE_SHIFT;

		if (map->flags & SHARED_REGION_MAPPING_ON_REQUEST) {
			ret = shreg_check_ground(config, owners->ground + first, pages);
			memset16(owners->on_request + first, i + 1, pages);
		} else {
			memset16(owners->ground + first, i + 1, pages);
			memset16(owners->on_request + first, 0, pages);
		}
		cond_resched();
	}
	return ret;
}

/*
 * The number of ranges, which are filled in if @ranges is not NULL. @fillers: what belongs to no
 * mapping makes ranges as well.
 */
static unsigned long shreg_split(const struct shreg_configuration *config, const u16 *owners,
				 bool fillers, struct shreg_range *ranges)
{
	u64 pages = config->size >> PAGE_SHIFT;
	unsigned long count = 0;
	u64 i, start = 0;

	for (i = 1; i <= pages; i++) {
		unsigned int prot = shreg_prot_of(config, owners[start]);

		if (i < pages && shreg_prot_of(config, owners[i]) == prot)
			continue;
		if (ranges && (fillers || prot))
			ranges[count] = (struct shreg_range){ .offset = start << PAGE_SHIFT,
							      .size = (i - start) << PAGE_SHIFT,
							      .prot = prot };
		count += fillers || prot;
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

static int shreg_name_ranges(const struct shreg_configuration *config, const u16 *owners,
			     struct shreg_range_list *list)
{
	unsigned long i;
	int ret = 0;
	u32 *seen;

	seen = shreg_may_fail(kvcalloc(config->count, sizeof(*seen), GFP_KERNEL_ACCOUNT), NULL);
	if (!seen)
		return -ENOMEM;
	for (i = 0; i < list->count && !ret; i++) {
		ret = shreg_name_range(config, owners, &list->at[i], seen, i + 1);
		cond_resched();
	}
	kvfree(seen);
	return ret;
}

static int shreg_make_list(const struct shreg_configuration *config, const u16 *owners,
			   bool fillers, struct shreg_range_list *list)
{
	list->count = shreg_split(config, owners, fillers, NULL);
	if (!list->count)
		return 0;
	list->at = shreg_may_fail(kvcalloc(list->count, sizeof(*list->at), GFP_KERNEL_ACCOUNT),
				  NULL);
	if (!list->at)
		return -ENOMEM;
	shreg_split(config, owners, fillers, list->at);
	return shreg_name_ranges(config, owners, list);
}

int shreg_make_ranges(struct shreg_configuration *config)
{
	struct shreg_region *region = config->region;
	struct shreg_owners owners;
	int ret;

	ret = shreg_alloc_owners(config, &owners);
	if (!ret)
		ret = shreg_find_owners(config, &owners);
	if (!ret)
		ret = shreg_make_list(config, owners.ground, true, &region->ranges);
	if (!ret)
		ret = shreg_make_list(config, owners.on_request, false, &region->on_request);
	shreg_free_owners(&owners);
	return ret;
}
