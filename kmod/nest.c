// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nesting: PMD entries of a process point at the region's page tables; and the ways to leave that
 * state (enum shreg_leave).
 *
 * Entry format B: an ordinary _PAGE_TABLE entry. To mm code a shared table looks like a private
 * one, so it must be gone before mm code changes a PTE below it or frees it: that is the notifier's
 * work (notifier.c). A slot that is one large page has a leaf instead (large_page.c).
 *
 * Why UNNEST needs no TLB flush: the private copy has the same 512 entries. A CPU that still walks
 * the shared table finds the same translations, until one of them changes in the private copy;
 * whoever changes it flushes that address, and that flush drops the cached PMD entry as well
 * (INVLPG, and INVPCID for the address). DETACH does need one: an entry that goes from empty to
 * present is never flushed by mm code, so a CPU with the old PMD entry would go on reading the
 * shared page. A leaf is never copied: for it UNNEST is DETACH.
 */
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "region.h"

/*
 * Tables for an UNNEST that must not fail and must not reclaim: on 6.1 wp_page_copy() takes the PTE
 * lock without looking whether the PMD entry is still there. Refilled by a work item.
 */
#define SHREG_RESERVE_SIZE	64
static struct page *shreg_reserve[SHREG_RESERVE_SIZE];	/* shreg_reserve_lock */
static unsigned int shreg_reserve_count;		/* shreg_reserve_lock */
static DEFINE_SPINLOCK(shreg_reserve_lock);

static bool shreg_reserve_give(struct page *table)
{
	bool taken = false;

	spin_lock(&shreg_reserve_lock);
	if (shreg_reserve_count < SHREG_RESERVE_SIZE) {
		shreg_reserve[shreg_reserve_count++] = table;
		taken = true;
	}
	spin_unlock(&shreg_reserve_lock);
	return taken;
}

static void shreg_reserve_refill(struct work_struct *work)
{
	while (READ_ONCE(shreg_reserve_count) < SHREG_RESERVE_SIZE) {
		struct page *table = shreg_table_alloc(GFP_KERNEL);

		if (!table)
			return;
		if (!shreg_reserve_give(table)) {
			shreg_table_free(table);
			return;
		}
	}
}

static DECLARE_WORK(shreg_reserve_work, shreg_reserve_refill);

static struct page *shreg_reserve_take(void)
{
	struct page *table = NULL;

	spin_lock(&shreg_reserve_lock);
	if (shreg_reserve_count)
		table = shreg_reserve[--shreg_reserve_count];
	spin_unlock(&shreg_reserve_lock);
	queue_work(shreg_wq, &shreg_reserve_work);
	return table;
}

int shreg_nest_init(void)
{
	shreg_reserve_refill(NULL);
	if (shreg_reserve_count == SHREG_RESERVE_SIZE)
		return 0;
	shreg_nest_exit();
	return -ENOMEM;
}

void shreg_nest_exit(void)
{
	/* the refilling work went with shreg_wq */
	while (shreg_reserve_count)
		shreg_table_free(shreg_reserve[--shreg_reserve_count]);
}

/* In the notifier: GFP_ATOMIC, as direct reclaim would run notifiers again (rule 9). */
static struct page *shreg_private_table(bool may_reclaim)
{
	struct page *table =
		shreg_table_alloc(may_reclaim ? GFP_KERNEL : GFP_ATOMIC | __GFP_NOWARN);

	return table ?: shreg_reserve_take();
}

/* pmd lock held. @table becomes the process's own: mm code frees it as any other. */
static void shreg_install_copy(struct mm_struct *mm, pmd_t *pmd, struct page *shared,
			       struct page *table)
{
	copy_page(page_address(table), page_address(shared));
	mm_inc_nr_ptes(mm);
	smp_wmb();	/* the entries before the pointer to them, as in pmd_install() */
	set_pmd(pmd, shreg_table_entry(table));
}

#define SHREG_SPECIAL	(_PAGE_PRESENT | _PAGE_SPECIAL)

/* The entries of a private table that are the region's. Copies and other mappings stay. */
static void shreg_clear_entries(pte_t *pte, const pte_t *entry)
{
	int i;

	for (i = 0; i < PTRS_PER_PTE; i++) {
		unsigned long value = READ_ONCE(pte[i].pte);

		/* no swap entry, and of the same page; raw, as each helper is a call or two */
		if ((value & SHREG_SPECIAL) == SHREG_SPECIAL &&
		    !((value ^ entry[i].pte) & PTE_PFN_MASK))
			native_set_pte(&pte[i], __pte(0));
	}
}

/*
 * END of a slot that has a table of its own, pmd lock held: the region's entries in it go, which
 * cost exit_mmap() 75 instructions each (it asks vm_normal_page()), and a slot has up to 512. They
 * are nobody's: no reference, no count. Rmap walks and the OOM reaper may be in the table.
 */
static void shreg_clear_table(struct mm_struct *mm, pmd_t *pmd, struct page *shared)
{
	pte_t *pte = page_address(pmd_page(*pmd));
	spinlock_t *ptl = pte_lockptr(mm, pmd);

	/* one lock for both levels: NR_CPUS < 4 */
	if (ptl == pmd_lockptr(mm, pmd)) {
		shreg_clear_entries(pte, page_address(shared));
		return;
	}
	spin_lock_nested(ptl, SINGLE_DEPTH_NESTING);
	shreg_clear_entries(pte, page_address(shared));
	spin_unlock(ptl);
}

/*
 * pmd lock held. HIDE, DETACH or END of one slot; true: the caller must flush before it gives the
 * lock back. A slot that is empty may have been hidden by a fork: a CPU can still have its entry.
 * No flush at the END: exit_mmap() flushes when it has freed page tables, and before that no VMA
 * lets go of the region.
 */
static bool shreg_drop_slot(struct shreg_attach *attach, unsigned long slot, pmd_t *pmd,
			    enum shreg_leave how)
{
	struct shreg_region *region = attach->region;
	bool cached;

	if (shreg_pmd_is_nested(*pmd, region->entries[slot])) {
		set_pmd(pmd, __pmd(0));
		atomic64_inc(how == SHREG_DETACH ? &region->counters.detaches :
						   &region->counters.hides);
	} else if (how == SHREG_END && region->tables[slot] && pmd_present(*pmd) &&
		   !shreg_pmd_is_leaf(*pmd)) {
		shreg_clear_table(attach->mm, pmd, region->tables[slot]);
	}
	if (how == SHREG_HIDE)
		return false;
	set_bit(slot, attach->private);
	cached = pmd_none(*pmd) && test_and_clear_bit(slot, attach->cached);
	return cached && how == SHREG_DETACH;
}

/*
 * UNNEST of one slot. The sticky bit is set and read under the pmd lock, so that no slot is nested
 * after somebody said it must be private. A leaf has no table to copy: DETACH.
 */
static void shreg_unnest_slot(struct shreg_attach *attach, unsigned long slot, pmd_t *pmd,
			      bool may_reclaim)
{
	struct shreg_region *region = attach->region;
	struct page *shared = region->tables[slot];
	struct page *copy = NULL;
	spinlock_t *ptl;	/* of the PMD entry */

	if (shared && shreg_pmd_is_nested(READ_ONCE(*pmd), region->entries[slot]))
		copy = shreg_private_table(may_reclaim);
	ptl = pmd_lock(attach->mm, pmd);
	if (copy && shreg_pmd_is_nested(*pmd, region->entries[slot])) {
		shreg_install_copy(attach->mm, pmd, shared, copy);
		copy = NULL;
		set_bit(slot, attach->private);
		/* from here on mm code's own flushes do */
		clear_bit(slot, attach->cached);
		atomic64_inc(&region->counters.unnests);
	} else if (shreg_drop_slot(attach, slot, pmd, SHREG_DETACH)) {
		shreg_flush_mm(region, attach->mm);
	}
	spin_unlock(ptl);
	if (copy)
		shreg_table_free(copy);
}

/*
 * HIDE, DETACH or END of slots whose PMD entries are in one page, from @pmd on: one lock for all.
 * The flush comes before the lock is free, as mm code has it too: nobody fills a slot with small
 * pages while a CPU still has its 2 MiB translation, which some CPUs answer with a machine check.
 */
static void shreg_drop_slots(struct shreg_attach *attach, unsigned long first, unsigned long last,
			     pmd_t *pmd, enum shreg_leave how)
{
	spinlock_t *ptl = pmd_lock(attach->mm, pmd);
	unsigned long slot;
	bool flush = false;

	for (slot = first; slot <= last; slot++, pmd++)
		flush |= shreg_drop_slot(attach, slot, pmd, how);
	if (flush)
		shreg_flush_mm(attach->region, attach->mm);
	spin_unlock(ptl);
}

/* DETACH where nothing is mapped, so far: only the bits count. */
static void shreg_forbid_slots(struct shreg_attach *attach, unsigned long first,
			       unsigned long last)
{
	unsigned long slot;
	bool flush = false;

	for (slot = first; slot <= last; slot++) {
		set_bit(slot, attach->private);
		flush |= test_and_clear_bit(slot, attach->cached);
	}
	if (flush)
		shreg_flush_mm(attach->region, attach->mm);
}

/* Slots whose PMD entries are in one page. */
static void shreg_leave_slots(struct shreg_attach *attach, unsigned long first,
			      unsigned long last, enum shreg_leave how, bool may_reclaim)
{
	pmd_t *pmd = shreg_pmd_at(attach->mm, shreg_slot_address(attach->region, first));
	unsigned long slot;

	if (!pmd && (how == SHREG_UNNEST || how == SHREG_DETACH))
		shreg_forbid_slots(attach, first, last);
	else if (pmd && how != SHREG_UNNEST)
		shreg_drop_slots(attach, first, last, pmd, how);
	else if (pmd)
		for (slot = first; slot <= last; slot++, pmd++)
			shreg_unnest_slot(attach, slot, pmd, may_reclaim);
}

void shreg_leave(struct shreg_attach *attach, unsigned long start, unsigned long end,
		 enum shreg_leave how, bool may_reclaim)
{
	struct shreg_region *region = attach->region;
	unsigned long next;

	start = max(start, region->base);
	end = min_t(unsigned long, end, region->base + region->size);
	for (; start < end; start = next) {
		next = min((start & PUD_MASK) + PUD_SIZE, end);
		shreg_leave_slots(attach, shreg_slot_of(region, start),
				  shreg_slot_of(region, next - 1), how, may_reclaim);
	}
}

/*
 * In the notifier, before [start, end) is unmapped. The rest of a slot that is covered only partly
 * is still mapped, and munmap() has perhaps downgraded mmap_lock: on 6.1 a fault there does not
 * expect that a table vanishes under it, so such slots get a table of their own.
 */
void shreg_leave_unmapped(struct shreg_attach *attach, unsigned long start, unsigned long end)
{
	unsigned long first = ALIGN(start, SHREG_SLOT_SIZE);
	unsigned long last = ALIGN_DOWN(end, SHREG_SLOT_SIZE);

	if (first > last) {
		shreg_leave(attach, start, end, SHREG_UNNEST, false);
		return;
	}
	shreg_leave(attach, start, first, SHREG_UNNEST, false);
	shreg_leave(attach, first, last, SHREG_DETACH, false);
	shreg_leave(attach, last, end, SHREG_UNNEST, false);
}

/* A VMA of this attachment, where it belongs? */
static bool shreg_is_own_vma(const struct shreg_attach *attach, const struct vm_area_struct *vma)
{
	struct shreg_region *region = attach->region;

	/* a VMA without attachment (a fork short of memory) would not tell us its end */
	return shreg_vma_region(vma) == region && vma->vm_private_data == attach &&
	       region->base + (vma->vm_pgoff << PAGE_SHIFT) == vma->vm_start;
}

/* Addresses of which we know that VMAs of the attachment cover them. */
struct shreg_run {
	unsigned long start;
	unsigned long end;
};

/*
 * Is the slot at @addr covered by VMAs of this attachment? A foreign VMA must never see a shared
 * table (rule 2): munmap and MAP_FIXED come through the notifier, but MADV_DONTFORK makes holes in
 * a child silently. @run is for a walk over rising slots, which looks up each VMA once. mmap_lock
 * held; only from ->fault (rule 9).
 */
static bool shreg_covered(struct shreg_attach *attach, unsigned long addr, struct shreg_run *run)
{
	if (addr < run->start || addr >= run->end)
		*run = (struct shreg_run){ addr, addr };
	while (run->end < addr + SHREG_SLOT_SIZE) {
		struct vm_area_struct *vma = find_vma(attach->mm, run->end);

		if (!vma || vma->vm_start > run->end || !shreg_is_own_vma(attach, vma))
			return false;
		run->end = vma->vm_end;
	}
	return true;
}

/*
 * A leaf never reaches over the end of a VMA, where mm code would find half of it in its hands: it
 * splits a leaf before it splits a VMA, but not one that comes later. @vma: a hint, kept.
 */
static bool shreg_in_one_vma(struct mm_struct *mm, struct vm_area_struct **vma, unsigned long addr)
{
	if (addr < (*vma)->vm_start || addr >= (*vma)->vm_end)
		*vma = find_vma(mm, addr);
	return *vma && (*vma)->vm_start <= addr && addr + SHREG_SLOT_SIZE <= (*vma)->vm_end;
}

/*
 * All slots that the fault's page of PMD entries holds: one fault, and one lock, for up to 1 GiB.
 */
static void shreg_nest_slots(struct shreg_attach *attach, struct vm_fault *vmf, unsigned long start,
			     unsigned long end)
{
	struct shreg_region *region = attach->region;
	pmd_t *pmd = vmf->pmd - pmd_index(vmf->address) + pmd_index(start);
	unsigned long slot = shreg_slot_of(region, start);
	struct vm_area_struct *vma = vmf->vma;
	struct shreg_run run = { };
	unsigned long addr, nested = 0;
	spinlock_t *ptl = pmd_lock(attach->mm, pmd);

	for (addr = start; addr < end; addr += SHREG_SLOT_SIZE, slot++, pmd++) {
		if (pmd_none(region->entries[slot]) || !pmd_none(*pmd) ||
		    test_bit(slot, attach->private))
			continue;
		if (!shreg_covered(attach, addr, &run))
			continue;
		if (!region->tables[slot] && !shreg_in_one_vma(attach->mm, &vma, addr))
			continue;
		set_bit(slot, attach->cached);
		set_pmd(pmd, region->entries[slot]);
		nested++;
	}
	spin_unlock(ptl);
	atomic64_add(nested, &region->counters.nests);
}

/* From ->fault, mmap_lock held. True: the faulting slot is nested, the access can be repeated. */
bool shreg_nest(struct shreg_attach *attach, struct vm_fault *vmf)
{
	struct shreg_region *region = attach->region;
	unsigned long start = max(vmf->address & PUD_MASK, region->base);
	unsigned long end = min((vmf->address & PUD_MASK) + PUD_SIZE, attach->end);
	pmd_t entry = region->entries[shreg_slot_of(region, vmf->address)];

	if (!attach->notified)
		return false;
	if (pmd_none(*vmf->pmd) &&
	    !test_bit(shreg_slot_of(region, vmf->address), attach->private)) {
		/*
		 * The insertion of the notifier may be deferred until an invalidation ends (rule
		 * 6).
		 */
		mmu_interval_read_begin(&attach->notifier);
		shreg_nest_slots(attach, vmf, start, end);
	}
	return shreg_pmd_is_nested(READ_ONCE(*vmf->pmd), entry);
}
