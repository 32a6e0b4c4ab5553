// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processes that are attached: made by CHECK and by fork, gone with the last VMA of the region.
 */
#include <linux/fs.h>
#include <linux/hashtable.h>
#include <linux/mman.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>

#include "compat.h"
#include "region.h"

static DEFINE_HASHTABLE(shreg_attaches, 8);	/* by mm; shreg_attach_lock */
static DEFINE_SPINLOCK(shreg_attach_lock);

static struct shreg_attach *shreg_attach_find_locked(struct mm_struct *mm)
{
	struct shreg_attach *attach;

	hash_for_each_possible(shreg_attaches, attach, node, (unsigned long)mm)
		if (attach->mm == mm)
			return attach;
	return NULL;
}

/* The attachment of @mm with a reference, or NULL. */
struct shreg_attach *shreg_attach_of(struct mm_struct *mm)
{
	struct shreg_attach *attach;

	spin_lock(&shreg_attach_lock);
	attach = shreg_attach_find_locked(mm);
	if (attach && !refcount_inc_not_zero(&attach->refs))
		attach = NULL;
	spin_unlock(&shreg_attach_lock);
	return attach;
}

static void shreg_attach_set_state(struct shreg_attach *attach, enum shreg_attach_state state)
{
	smp_store_release(&attach->state, state); /* the VMAs before the word that they are there */
	smp_mb();	/* the state before wake_up_var() looks for waiters, as it wants it */
	wake_up_var(&attach->state);
}

static bool shreg_attach_under_way(struct shreg_attach *attach)
{
	/* pairs with the release in shreg_attach_set_state() */
	return smp_load_acquire(&attach->state) == SHREG_ATTACHING;
}

/*
 * The caller's attachment with all of its VMAs: another thread's CHECK may be under way. NULL:
 * none; -EINTR: killed.
 */
struct shreg_attach *shreg_attach_of_current(void)
{
	struct shreg_attach *attach;
	int ret;

	for (;;) {
		attach = shreg_attach_of(current->mm);
		if (!attach)
			return NULL;
		ret = wait_var_event_killable(&attach->state, !shreg_attach_under_way(attach));
		if (!ret && attach->state == SHREG_ATTACHED)
			return attach;
		shreg_attach_put(attach);
		if (ret)
			return ERR_PTR(-EINTR);
		/* that CHECK failed, and its attachment is not found any more */
	}
}

/* Nobody finds it any more. Again is harmless. */
static void shreg_attach_unpublish(struct shreg_attach *attach)
{
	spin_lock(&shreg_attach_lock);
	hash_del(&attach->node);
	spin_unlock(&shreg_attach_lock);
}

/*
 * May be called under mmap_lock: the last VMA's ->close. Removing the notifier waits for
 * invalidations under way, and none of them waits for mmap_lock.
 */
void shreg_attach_put(struct shreg_attach *attach)
{
	if (!refcount_dec_and_test(&attach->refs))
		return;
	shreg_attach_unpublish(attach);
	if (attach->notified)
		mmu_interval_notifier_remove(&attach->notifier);
	shreg_region_unuse(attach->region, true);
	kfree(attach);
}

static struct shreg_attach *shreg_attach_alloc(struct shreg_region *region, struct mm_struct *mm)
{
	unsigned long longs = BITS_TO_LONGS(region->slots);
	struct shreg_attach *attach;
	int ret;

	attach = shreg_may_fail(kzalloc(struct_size(attach, bits, 2 * longs), GFP_KERNEL_ACCOUNT),
				NULL);
	if (!attach)
		return ERR_PTR(-ENOMEM);
	ret = shreg_region_use(region, true);
	if (ret) {
		kfree(attach);
		return ERR_PTR(ret);
	}
	attach->mm = mm;
	attach->region = region;
	attach->private = attach->bits;
	attach->cached = attach->bits + longs;
	refcount_set(&attach->refs, 1);
	return attach;
}

/* One attachment per mm. False: somebody else was faster. */
static bool shreg_attach_publish(struct shreg_attach *attach)
{
	bool first;

	spin_lock(&shreg_attach_lock);
	first = !shreg_attach_find_locked(attach->mm);
	if (first)
		hash_add(shreg_attaches, &attach->node, (unsigned long)attach->mm);
	spin_unlock(&shreg_attach_lock);
	return first;
}

/*
 * What was mapped before the piece at @end failed; between the pieces the process may have its own
 * mappings. Cannot fail for a VMA that is not sealed with mseal(), and nobody knew the address
 * before (rule 9).
 */
static void shreg_unmap_pieces(struct shreg_region *region, const struct shreg_part *part, u64 end)
{
	struct shreg_cursor cursor = { .region = region, .part = part };
	struct shreg_mapping mapping;

	while (shreg_next_mapping(&cursor, &mapping) && mapping.offset < end)
		vm_munmap(region->base + mapping.offset, mapping.size);
}

/*
 * vm_mmap() is the only exported function that inserts a VMA; NOREPLACE: what the process has there
 * stays.
 */
static int shreg_map_piece(struct shreg_region *region, const struct shreg_mapping *mapping)
{
	struct file *file = shreg_region_file(region, mapping->range);
	unsigned long addr;

	if (IS_ERR(file))
		return PTR_ERR(file);
	addr = shreg_may_fail(vm_mmap(file, region->base + mapping->offset, mapping->size,
				      mapping->range->prot, MAP_PRIVATE | MAP_FIXED_NOREPLACE,
				      mapping->offset),
			      -ENOMEM);
	return IS_ERR_VALUE(addr) ? addr : 0;
}

static int shreg_map_pieces(struct shreg_region *region, const struct shreg_part *part)
{
	struct shreg_cursor cursor = { .region = region, .part = part };
	struct shreg_mapping mapping;
	int ret;

	while (shreg_next_mapping(&cursor, &mapping)) {
		ret = shreg_map_piece(region, &mapping);
		if (ret) {
			shreg_unmap_pieces(region, part, mapping.offset);
			return ret;
		}
	}
	return 0;
}

/*
 * The region's VMA at @addr. Another thread may have unmapped it since: NULL then. mmap_lock held.
 */
static struct vm_area_struct *shreg_vma_at(const struct shreg_region *region, unsigned long addr)
{
	struct vm_area_struct *vma = vma_lookup(current->mm, addr);

	return vma && shreg_vma_region(vma) == region && (vma->vm_flags & VM_READ) ? vma : NULL;
}

/*
 * Nests now what the first access of each GiB would nest. Failing is harmless: the access will do
 * it.
 */
static void shreg_nest_now(struct shreg_region *region, unsigned long end)
{
	struct mm_struct *mm = current->mm;
	unsigned long addr, slot;

	mmap_read_lock(mm);
	for (addr = region->base; addr < end; addr = (addr & PUD_MASK) + PUD_SIZE) {
		struct vm_area_struct *vma;

		for (slot = shreg_slot_of(region, addr);
		     slot < region->slots && pmd_none(region->entries[slot]); slot++)
			;
		addr = max(addr, shreg_slot_address(region, slot));
		if (addr >= end)
			break;
		while (!shreg_page_at(region, addr))
			addr += PAGE_SIZE;
		vma = shreg_vma_at(region, addr);
		if (vma)
			handle_mm_fault(vma, addr, 0, NULL);
	}
	mmap_read_unlock(mm);
}

/* @part: what shreg_part_check() found right for this region. */
int shreg_attach_current(struct shreg_region *region, const struct shreg_part *part, bool eager)
{
	struct shreg_attach *attach = shreg_attach_alloc(region, current->mm);
	int ret;

	if (IS_ERR(attach))
		return PTR_ERR(attach);
	attach->end = region->base + shreg_part_end(part, region);
	/* before the notifier sees it, to which a program would be unmapping its region */
	shreg_placeholder_unmap(region);
	/* EINTR if a signal is pending and this is the mm's first notifier (rule 9) */
	ret = shreg_may_fail(mmu_interval_notifier_insert(&attach->notifier, current->mm,
							  region->base, region->size,
							  &shreg_notifier_ops), -ENOMEM);
	if (ret)
		goto out;
	attach->notified = true;
	ret = -EALREADY;
	if (!shreg_attach_publish(attach))
		goto out;
	ret = shreg_map_pieces(region, part);
	/*
	 * VMAs may be left although it failed (munmap() of what another thread has sealed, or a
	 * fatal signal) and keep the attachment: the next CHECK must not wait for it.
	 */
	if (ret)
		shreg_attach_unpublish(attach);
	shreg_attach_set_state(attach, ret ? SHREG_ATTACH_FAILED : SHREG_ATTACHED);
	if (ret)
		goto out;
	atomic64_inc(&region->counters.attaches);
	if (eager)
		shreg_nest_now(region, attach->end);
out:
	shreg_attach_put(attach);
	return ret;
}

/*
 * The first notifier of an mm takes all its locks and gives up with EINTR if a signal is pending
 * (rule 9), which would cost the child its attachment: without signals then. The child's mmap_lock
 * is held for writing.
 */
static int shreg_attach_notify_locked(struct shreg_attach *attach, struct mm_struct *mm)
{
	const struct shreg_region *region = attach->region;
	sigset_t all, old;
	int ret;

	ret = shreg_may_fail(mmu_interval_notifier_insert_locked(&attach->notifier, mm,
								 region->base, region->size,
								 &shreg_notifier_ops),
			     -ENOMEM);
	if (ret != -EINTR)
		return ret;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &old);
	ret = mmu_interval_notifier_insert_locked(&attach->notifier, mm, region->base,
						  region->size, &shreg_notifier_ops);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return ret;
}

/*
 * The child's attachment, with a reference for one more VMA; NULL if there can be none (or if the
 * parent has not all ranges, since another thread is at CHECK): ->open cannot fail, so that child
 * gets private tables page by page. Both mmap_locks are held for writing, and the child's VMAs may
 * still be the parent's (6.12): no walk.
 */
struct shreg_attach *shreg_attach_fork(struct shreg_attach *parent, struct mm_struct *mm)
{
	struct shreg_region *region = parent->region;
	struct shreg_attach *attach = shreg_attach_of(mm);

	if (attach)
		return attach;
	/* pairs with the release in shreg_attach_set_state() */
	if (smp_load_acquire(&parent->state) != SHREG_ATTACHED)
		return NULL;
	attach = shreg_attach_alloc(region, mm);
	if (IS_ERR(attach))
		return NULL;
	attach->end = parent->end;
	/* What the parent has private, the child gets copied or has to fault in privately. */
	bitmap_copy(attach->private, parent->private, region->slots);
	if (shreg_attach_notify_locked(attach, mm)) {
		shreg_attach_put(attach);
		return NULL;
	}
	attach->notified = true;
	attach->state = SHREG_ATTACHED;
	shreg_attach_publish(attach);
	return attach;
}
