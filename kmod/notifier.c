// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel is about to do to the region's range of an attached process.
 *
 * Runs before it is done, under whatever locks its originator has (mmap_lock, a VMA's lock, rmap
 * locks). So: no walk over VMAs, no mmap_lock, no allocation that reclaims (rule 9). An interval
 * notifier, as a plain one makes fork and exit six times slower.
 */
#include <linux/mm.h>
#include <linux/mmu_notifier.h>

#include "region.h"

static bool shreg_invalidate(struct mmu_interval_notifier *notifier,
			     const struct mmu_notifier_range *range, unsigned long cur_seq)
{
	struct shreg_attach *attach = container_of(notifier, struct shreg_attach, notifier);
	enum shreg_leave how;

	mmu_interval_set_seq(notifier, cur_seq);
	switch (range->event) {
	case MMU_NOTIFY_SOFT_DIRTY:
		/* clear_refs passes over VM_PFNMAP */
		return true;
	case MMU_NOTIFY_RELEASE:
		/*
		 * Before unmap_vmas() and free_pgtables(), which must not find a shared table (rule
		 * 10). What they tell us then is of no interest: nobody uses the mm any more.
		 */
		how = SHREG_END;
		break;
	case MMU_NOTIFY_PROTECTION_PAGE:
		/* fork: nothing to copy; parent and child nest again. */
		how = SHREG_HIDE;
		break;
	case MMU_NOTIFY_UNMAP:
		shreg_leave_unmapped(attach, range->start, range->end);
		return true;
	default:
		/* Copy on write, mprotect, zap: a private table is right for whatever follows. */
		how = SHREG_UNNEST;
		break;
	}
	shreg_leave(attach, range->start, range->end, how, false);
	return true;
}

const struct mmu_interval_notifier_ops shreg_notifier_ops = {
	.invalidate = shreg_invalidate,
};
