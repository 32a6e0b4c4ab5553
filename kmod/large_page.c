// SPDX-License-Identifier: GPL-2.0-only
/*
 * Slots that are one page of 2 MiB: processes get a leaf in the PMD entry instead of a table.
 *
 * Only slots that lie wholly inside one read-only range, with no page on request: such a leaf is
 * never written, and it goes as a whole, flush included, before mm code changes anything below it
 * (nest.c). The page is compound, as GUP-fast takes references on the head of a leaf without
 * looking at the VMA. docs/decisions/0013.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>

#include "compat.h"
#include "region.h"

#define SHREG_LARGE_ORDER	(SHREG_SLOT_SHIFT - PAGE_SHIFT)

static bool large_pages = true;
module_param(large_pages, bool, 0644);
MODULE_PARM_DESC(large_pages, "pages of 2 MiB for read-only content of new regions (Y)");

/* Then all of its pages have content: only PROT_NONE fillers have none. */
static bool shreg_slot_is_read_only(const struct shreg_region *region, unsigned long slot)
{
	u64 offset = (u64)slot << SHREG_SLOT_SHIFT;
	const struct shreg_range *range = shreg_region_range_at(region, offset);

	return range->prot && !(range->prot & PROT_WRITE) &&
	       offset + SHREG_SLOT_SIZE <= range->offset + range->size &&
	       !shreg_region_is_on_request(region, offset, offset + SHREG_SLOT_SIZE);
}

/*
 * Before the region is filled, its ranges known. The first failure ends it: what is left gets small
 * pages, and nobody waits for compaction.
 */
void shreg_large_pages_alloc(struct shreg_region *region)
{
	const gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_COMP | __GFP_NORETRY |
			  __GFP_NOWARN;
	unsigned long slot, i;

	/* without THP mm code takes a leaf for a broken entry */
	if (!IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE) || !READ_ONCE(large_pages))
		return;
	for (slot = 0; slot < region->slots; slot++) {
		struct page *head;

		if (!shreg_slot_is_read_only(region, slot))
			continue;
		head = shreg_may_fail(alloc_pages(gfp, SHREG_LARGE_ORDER), NULL);
		if (!head)
			return;
		for (i = 0; i < PTRS_PER_PTE; i++)
			region->pages[slot * PTRS_PER_PTE + i] = head + i;
		region->page_count += PTRS_PER_PTE;
		cond_resched();
	}
}

/* The page that fills @slot, or NULL: it has small ones. */
struct page *shreg_large_page(const struct shreg_region *region, unsigned long slot)
{
	struct page *page = region->pages[slot * PTRS_PER_PTE];

	return page && PageHead(page) ? page : NULL;
}

void shreg_large_page_free(struct page *head)
{
	__free_pages(head, SHREG_LARGE_ORDER);
}
