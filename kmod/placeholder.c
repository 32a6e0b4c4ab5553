// SPDX-License-Identifier: GPL-2.0-only
/*
 * The placeholder: from exec until CHECK nothing else shall settle in the range of the region that
 * the process's environment has. An anonymous PROT_NONE mapping, which costs nothing to keep and is
 * easy to know again.
 */
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sched/mm.h>

#include "compat.h"
#include "region.h"

/*
 * For current, in its new mm. Every failure is harmless: CHECK says EEXIST if something was faster.
 * A program that may end up without the region keeps its whole RLIMIT_AS.
 */
void shreg_placeholder_map(void)
{
	struct shreg_environment env;
	struct shreg_region *region;
	unsigned long addr = 0;

	if (rlimit(RLIMIT_AS) != RLIM_INFINITY)
		return;
	if (shreg_environment_of_current(&env))
		return;
	region = shreg_region_find_sealed(&env, false);
	shreg_environment_put(&env);
	if (IS_ERR(region))
		return;
	/* TASK_SIZE: not in a 32-bit process */
	if (region->base + region->size <= TASK_SIZE)
		addr = vm_mmap(NULL, region->base, region->size, PROT_NONE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE,
			       0);
	if (IS_ERR_VALUE(addr))
		pr_debug("shared_region: no placeholder for %s: %ld\n", current->comm, (long)addr);
	shreg_region_put(region);
}

static bool shreg_is_placeholder(const struct vm_area_struct *vma,
				 const struct shreg_region *region)
{
	return vma && vma->vm_start == region->base && vma->vm_end == region->base + region->size &&
	       !vma->vm_file && !vma->vm_ops && !vma->anon_vma &&
	       !(vma->vm_flags & (VM_ACCESS_FLAGS | VM_SHARED));
}

/* Room for the region's VMAs. What was ever accessible is not a placeholder and stays. */
void shreg_placeholder_unmap(struct shreg_region *region)
{
	struct mm_struct *mm = current->mm;
	bool found;

	mmap_read_lock(mm);
	found = shreg_is_placeholder(find_vma(mm, region->base), region);
	mmap_read_unlock(mm);
	if (found)
		vm_munmap(region->base, region->size);
}
