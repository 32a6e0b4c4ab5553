// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page tables: the ones that processes share (built once, before the seal), and finding a process's
 * entries.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "compat.h"
#include "region.h"

/*
 * A PTE page with its lock and its accounting: mm code may free a private one, and takes the lock
 * of a shared one as of any other. Its content is undefined unless @gfp has __GFP_ZERO.
 */
struct page *shreg_table_alloc(gfp_t gfp)
{
	return shreg_may_fail(__pte_alloc_one(&init_mm, gfp | __GFP_ACCOUNT), NULL);
}

void shreg_table_free(struct page *table)
{
	pte_free(&init_mm, table);
}

/*
 * The PMD entry for @addr, or NULL if there are no tables so far. Callers hold what keeps the
 * tables: mmap_lock, or they are in a notifier of somebody who does (or who holds the rmap locks of
 * a page that is mapped there).
 */
pmd_t *shreg_pmd_at(struct mm_struct *mm, unsigned long addr)
{
	pgd_t *pgd = pgd_offset(mm, addr);
	p4d_t *p4d;
	pud_t *pud;

	if (pgd_none(*pgd))
		return NULL;
	p4d = p4d_offset(pgd, addr);
	if (p4d_none(*p4d))
		return NULL;
	pud = pud_offset(p4d, addr);
	/* where the process has unmapped 1 GiB of the region, it may have a page of 1 GiB */
	if (pud_none(*pud) || pud_leaf(*pud))
		return NULL;
	return pmd_offset(pud, addr);
}

pmd_t shreg_table_entry(struct page *table)
{
	return __pmd(((pmdval_t)page_to_pfn(table) << PAGE_SHIFT) | _PAGE_TABLE);
}

/* Is @pmd the shared @entry? MGLRU may have cleared its Accessed bit. */
bool shreg_pmd_is_nested(pmd_t pmd, pmd_t entry)
{
	return !pmd_none(entry) && pmd_present(pmd) && pmd_pfn(pmd) == pmd_pfn(entry) &&
	       shreg_pmd_is_leaf(pmd) == shreg_pmd_is_leaf(entry);
}

/*
 * Accessed is set from the start, so that no CPU ever writes to a shared table. Dirty is never set:
 * on CPUs with shadow stacks read-only + Dirty counts as writable (rule 9).
 */
static pgprot_t shreg_shared_prot(unsigned int prot)
{
	unsigned long vm_flags = VM_READ | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC;

	if (prot & PROT_EXEC)
		vm_flags |= VM_EXEC;
	/*
	 * without VM_SHARED a writable mapping's pages are read-only until they are copied, so no
	 * VM_WRITE
	 */
	return vm_get_page_prot(vm_flags);
}

/*
 * For pages on request nobody may execute what most processes have as writable data, even where a
 * process that did not ask for them has them within an executable VMA.
 */
static unsigned int shreg_page_prot(const struct shreg_region *region, u64 offset)
{
	if (shreg_region_is_on_request(region, offset, offset + PAGE_SIZE))
		return PROT_READ;
	return shreg_region_range_at(region, offset)->prot;
}

static pte_t shreg_shared_pte(struct page *page, unsigned int prot)
{
	return pte_mkspecial(pte_mkyoung(pfn_pte(page_to_pfn(page), shreg_shared_prot(prot))));
}

static pmd_t shreg_leaf_entry(struct page *head, unsigned int prot)
{
	pmd_t leaf = pmd_mkhuge(pfn_pmd(page_to_pfn(head), shreg_shared_prot(prot)));

	return pmd_mkspecial(pmd_mkyoung(leaf));
}

static void shreg_fill_table(struct shreg_region *region, unsigned long slot)
{
	pte_t *ptes = page_address(region->tables[slot]);
	unsigned long first = slot * PTRS_PER_PTE;
	unsigned long i;

	for (i = 0; i < PTRS_PER_PTE; i++) {
		struct page *page = region->pages[first + i];
		u64 offset = (u64)(first + i) << PAGE_SHIFT;

		/* fillers are PROT_NONE: their entries stay empty (rule 3) */
		if (page)
			set_pte(&ptes[i],
				shreg_shared_pte(page, shreg_page_prot(region, offset)));
	}
}

static bool shreg_slot_is_empty(const struct shreg_region *region, unsigned long slot)
{
	return !memchr_inv(&region->pages[slot * PTRS_PER_PTE], 0,
			   PTRS_PER_PTE * sizeof(struct page *));
}

static int shreg_build_slot(struct shreg_region *region, unsigned long slot)
{
	struct page *head = shreg_large_page(region, slot);
	u64 offset = (u64)slot << SHREG_SLOT_SHIFT;

	if (shreg_slot_is_empty(region, slot))
		return 0;
	if (head) {
		region->entries[slot] =
			shreg_leaf_entry(head, shreg_region_range_at(region, offset)->prot);
		region->leaf_count++;
		return 0;
	}
	region->tables[slot] = shreg_table_alloc(GFP_KERNEL | __GFP_ZERO);
	if (!region->tables[slot])
		return -ENOMEM;
	shreg_fill_table(region, slot);
	region->entries[slot] = shreg_table_entry(region->tables[slot]);
	region->table_count++;
	return 0;
}

int shreg_build_tables(struct shreg_region *region)
{
	unsigned long slot;
	int ret;

	region->tables = shreg_may_fail(kvcalloc(region->slots, sizeof(*region->tables),
						 GFP_KERNEL_ACCOUNT), NULL);
	region->entries = shreg_may_fail(kvcalloc(region->slots, sizeof(*region->entries),
						  GFP_KERNEL_ACCOUNT), NULL);
	if (!region->tables || !region->entries)
		return -ENOMEM;
	for (slot = 0; slot < region->slots; slot++) {
		ret = shreg_build_slot(region, slot);
		if (ret)
			return ret;
		cond_resched();
	}
	return 0;
}
