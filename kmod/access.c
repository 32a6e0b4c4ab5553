// SPDX-License-Identifier: GPL-2.0-only
/*
 * ptrace and /proc/PID/mem: get_user_pages() refuses VM_PFNMAP, so __access_remote_vm() asks here.
 *
 * mmap_lock is held for reading, the mm may be another process's. Never let wp_page_copy() handle a
 * special PTE here: for such it copies from the address in the *current* mm, which is the tracer's
 * (rule 5).
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>

#include "compat.h"
#include "region.h"

enum shreg_found {
	SHREG_REGION_PAGE,	/* the process has no copy (so far): the region's own page counts */
	SHREG_OWN_PAGE,		/* an anonymous copy; *page with a reference */
	SHREG_NOT_HERE,		/* swapped out, or not to be written yet: a fault will help */
};

/*
 * A page that may be written without asking: mapped writable, or anonymous and nobody else's (as
 * for FOLL_FORCE).
 */
static bool shreg_may_write(pte_t pte, struct page *page)
{
	return pte_write(pte) || (PageAnon(page) && PageAnonExclusive(page));
}

/*
 * The entry for @addr with the lock of its table, or NULL if no table is there. The table can be
 * swapped meanwhile (a slot unnests, or is nested by another thread's fault): so its lock counts
 * only if the PMD entry is the same afterwards. pte_offset_map_lock() is not exported in 6.12.
 */
static pte_t *shreg_pte_lock(struct mm_struct *mm, unsigned long addr, spinlock_t **ptl)
{
	pmd_t *pmd = shreg_pmd_at(mm, addr);
	pmd_t seen;

	if (!pmd)
		return NULL;
	for (;;) {
		seen = READ_ONCE(*pmd);
		if (!pmd_present(seen) || shreg_pmd_is_leaf(seen))
			return NULL;
		*ptl = pte_lockptr(mm, &seen);
		spin_lock(*ptl);
		if (pmd_val(READ_ONCE(*pmd)) == pmd_val(seen)) {
			__release(*ptl);	/* for sparse: the caller says __acquire() */
			return pte_offset_kernel(&seen, addr);
		}
		spin_unlock(*ptl);
	}
}

static enum shreg_found shreg_look(struct vm_area_struct *vma, unsigned long addr, bool write,
				   struct page **page)
{
	enum shreg_found found = SHREG_REGION_PAGE;
	spinlock_t *ptl;	/* of the table */
	pte_t *ptep = shreg_pte_lock(vma->vm_mm, addr, &ptl);
	pte_t pte;

	if (!ptep)
		return SHREG_REGION_PAGE;
	__acquire(ptl);
	pte = READ_ONCE(*ptep);
	if (pte_present(pte) && !pte_special(pte)) {
		*page = pte_page(pte);
		found = SHREG_NOT_HERE;
		if (!write || shreg_may_write(pte, *page)) {
			get_page(*page);
			found = SHREG_OWN_PAGE;
		}
	} else if (!pte_present(pte) && !pte_none(pte)) {
		found = SHREG_NOT_HERE;
	}
	spin_unlock(ptl);
	return found;
}

/*
 * Empties the entry if it is the region's page, so that the write fault goes to do_cow_fault(). The
 * flush is under the lock, as in ptep_clear_flush(): else another thread's fault could fill the
 * entry while a third one still reads the region's page. The table is the process's own: the slot
 * has been unnested, or its VMA has no attachment and then was never nested (shreg_covered()).
 */
static void shreg_clear_special(struct vm_area_struct *vma, unsigned long addr)
{
	spinlock_t *ptl;	/* of the table */
	pte_t *ptep = shreg_pte_lock(vma->vm_mm, addr, &ptl);

	if (!ptep)
		return;
	__acquire(ptl);
	if (pte_present(*ptep) && pte_special(*ptep)) {
		set_pte(ptep, __pte(0));
		shreg_flush_mm(shreg_vma_region(vma), vma->vm_mm);
	}
	spin_unlock(ptl);
}

/* The copy of this process, made if needed. */
static struct page *shreg_own_page(struct vm_area_struct *vma, unsigned long addr)
{
	struct page *page;
	int attempt;

	/* a copy can be swapped out again between fault and look: try a few times, then give up */
	for (attempt = 0; attempt < 8; attempt++) {
		if (shreg_look(vma, addr, true, &page) == SHREG_OWN_PAGE)
			return page;
		if (vma->vm_private_data)
			shreg_leave(vma->vm_private_data, addr, addr + 1, SHREG_UNNEST, true);
		shreg_clear_special(vma, addr);
		if (handle_mm_fault(vma, addr, FAULT_FLAG_WRITE | FAULT_FLAG_REMOTE, NULL) &
		    VM_FAULT_ERROR)
			return NULL;
	}
	return NULL;
}

static struct page *shreg_readable_page(struct vm_area_struct *vma, unsigned long addr)
{
	struct page *page;
	int attempt;

	for (attempt = 0; attempt < 8; attempt++) {
		switch (shreg_look(vma, addr, false, &page)) {
		case SHREG_OWN_PAGE:
			return page;
		case SHREG_REGION_PAGE:
			page = shreg_page_at(shreg_vma_region(vma), addr);
			if (page)
				get_page(page);
			return page;
		case SHREG_NOT_HERE:
			if (handle_mm_fault(vma, addr, FAULT_FLAG_REMOTE, NULL) & VM_FAULT_ERROR)
				return NULL;
		}
	}
	return NULL;
}

int shreg_vma_access(struct vm_area_struct *vma, unsigned long addr, void *buf, int len, int write)
{
	unsigned int offset = offset_in_page(addr);
	struct page *page;
	void *kaddr;

	if (!shreg_vma_page(vma, addr))
		return -EFAULT;
	addr &= PAGE_MASK;
	page = write ? shreg_own_page(vma, addr) : shreg_readable_page(vma, addr);
	if (!page)
		return -EFAULT;
	len = min_t(int, len, PAGE_SIZE - offset);
	kaddr = kmap_local_page(page);
	if (write)
		memcpy(kaddr + offset, buf, len);
	else
		memcpy(buf, kaddr + offset, len);
	kunmap_local(kaddr);
	if (write)
		set_page_dirty_lock(page);
	put_page(page);
	return len;
}
