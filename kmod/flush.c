// SPDX-License-Identifier: GPL-2.0-only
/*
 * Flush of everything that any CPU has cached for one address space.
 *
 * <asm/tlbflush.h> hides its interface from modules. What is needed is little: CPUs that are not
 * using the mm see a newer tlb_gen when they switch to it; the others are told to forget
 * everything.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/smp.h>
#include <asm/cpufeature.h>
#include <asm/invpcid.h>
#include <asm/processor-flags.h>

#include "region.h"

static bool debug_no_flush;
module_param(debug_no_flush, bool, 0600);
MODULE_PARM_DESC(debug_no_flush,
		 "TEST ONLY: leave out the TLB flush, so that a test can see the stale reads");

/* All PCIDs, so that the user half of page-table isolation goes too. */
static void shreg_flush_this_cpu(void *unused)
{
	unsigned long flags, cr4;

	if (boot_cpu_has(X86_FEATURE_INVPCID)) {
		invpcid_flush_all();
		return;
	}
	local_irq_save(flags);
	asm volatile("mov %%cr4, %0" : "=r"(cr4) : : "memory");
	asm volatile("mov %0, %%cr4" : : "r"(cr4 ^ X86_CR4_PGE) : "memory");
	asm volatile("mov %0, %%cr4" : : "r"(cr4) : "memory");
	local_irq_restore(flags);
}

void shreg_flush_mm(struct shreg_region *region, struct mm_struct *mm)
{
	if (READ_ONCE(debug_no_flush))
		return;
	atomic64_inc(&region->counters.flushes);
	/*
	 * The new generation first, then the mask: a CPU that switches to the mm sets its bit
	 * before it reads the generation (switch_mm_irqs_off()), so it either is in the mask or
	 * flushes by itself.
	 */
	atomic64_inc(&mm->context.tlb_gen);
	smp_mb__after_atomic();	/* pairs with the one in switch_mm_irqs_off() */
	on_each_cpu_mask(mm_cpumask(mm), shreg_flush_this_cpu, NULL, true);
}
