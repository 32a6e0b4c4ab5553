// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processes that map a region only in part: up to a limit, without fillers, and writable only
 * where they ask for it. So a region may hold the data of hundreds of libraries, and a process pays
 * for the VMAs of those that it uses.
 *
 * What is mapped are disjoint pieces in rising order: nothing is mapped over anything, so no page
 * table that processes share is ever in the way.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "region.h"

/* What needs no region to be known. */
int shreg_part_read(struct shreg_part *part, const struct shared_region_check *check)
{
	size_t size = check->request_count * sizeof(*part->requests);

	*part = (struct shreg_part){
		.sparse = check->flags & SHARED_REGION_CHECK_SPARSE,
		.limit = check->limit,
		.request_count = check->request_count,
	};
	if (check->reserved || !IS_ALIGNED(check->limit, SHREG_SLOT_SIZE))
		return -EINVAL;
	if (check->request_count > SHARED_REGION_MAX_REQUESTS)
		return -E2BIG;
	if (!size)
		return 0;
	part->requests = shreg_may_fail(kvmalloc(size, GFP_KERNEL_ACCOUNT), NULL);
	if (!part->requests)
		return -ENOMEM;
	if (!copy_from_user(part->requests, u64_to_user_ptr(check->requests), size))
		return 0;
	shreg_part_free(part);
	return -EFAULT;
}

void shreg_part_free(struct shreg_part *part)
{
	kvfree(part->requests);
	part->requests = NULL;
}

/* Offset behind the last one that may be mapped. */
u64 shreg_part_end(const struct shreg_part *part, const struct shreg_region *region)
{
	return part->limit ? min(part->limit, region->size) : region->size;
}

static u64 shreg_request_offset(const struct shared_region_request *request)
{
	return (u64)request->page << PAGE_SHIFT;
}

static u64 shreg_request_end(const struct shared_region_request *request)
{
	return shreg_request_offset(request) + ((u64)request->count << PAGE_SHIFT);
}

/* The first range that ends behind @offset, from @i on: NULL if there is none. */
static struct shreg_range *shreg_range_from(const struct shreg_range_list *list, unsigned long *i,
					    u64 offset)
{
	while (*i < list->count && list->at[*i].offset + list->at[*i].size <= offset)
		++*i;
	return *i < list->count ? &list->at[*i] : NULL;
}

/* Each request is in one range of pages on request, behind the request before it. */
int shreg_part_check(const struct shreg_part *part, const struct shreg_region *region)
{
	u64 reached = 0, end = shreg_part_end(part, region);
	unsigned long extent = 0;
	u32 i;

	for (i = 0; i < part->request_count; i++) {
		const struct shared_region_request *request = &part->requests[i];
		u64 offset = shreg_request_offset(request);
		const struct shreg_range *range;

		if (!request->count || offset < reached)
			return -EINVAL;
		reached = shreg_request_end(request);
		range = shreg_range_from(&region->on_request, &extent, offset);
		if (reached > end || !range || offset < range->offset ||
		    reached > range->offset + range->size)
			return -EINVAL;
	}
	return 0;
}

/* Behind the cursor, up to the next request. */
static bool shreg_next_ground(struct shreg_cursor *cursor, struct shreg_mapping *mapping, u64 end)
{
	struct shreg_range *range =
		shreg_range_from(&cursor->region->ranges, &cursor->range, cursor->offset);

	if (!range || cursor->offset >= end)
		return false;
	mapping->offset = cursor->offset;
	mapping->size = min(end, range->offset + range->size) - cursor->offset;
	mapping->range = range;
	return true;
}

/* The next piece to map; false: that was all. */
bool shreg_next_mapping(struct shreg_cursor *cursor, struct shreg_mapping *mapping)
{
	const struct shreg_part *part = cursor->part;
	u64 end;

	do {
		const struct shared_region_request *request = NULL;

		end = shreg_part_end(part, cursor->region);
		if (cursor->request < part->request_count)
			request = &part->requests[cursor->request];
		if (request && shreg_request_offset(request) == cursor->offset) {
			mapping->offset = cursor->offset;
			mapping->size = shreg_request_end(request) - cursor->offset;
			mapping->range = shreg_range_from(&cursor->region->on_request,
							  &cursor->extent, cursor->offset);
			cursor->request++;
		} else if (!shreg_next_ground(cursor, mapping,
					      request ? shreg_request_offset(request) : end)) {
			return false;
		}
		cursor->offset += mapping->size;
	} while (part->sparse && !mapping->range->prot);
	return true;
}
