// SPDX-License-Identifier: GPL-2.0-only
/*
 * Crashes inside a region, and what they lead to: after reslide_after of them the region is
 * retired. Who has it keeps it; who comes later finds nothing, until somebody configures a
 * region with another slide.
 *
 * A crash is a SIGSEGV or SIGBUS that the kernel raises for an address in the region of the
 * process, mapped or not, handled or not: an attacker who guesses addresses can install
 * handlers. A process counts once. Costs and limits: docs/security.md.
 */
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/task_work.h>
#include <linux/tracepoint.h>

#include "region.h"

static unsigned int reslide_after;
module_param(reslide_after, uint, 0644);
MODULE_PARM_DESC(reslide_after,
		 "processes that crash in a region until new ones get a fresh one (0: never)");

static unsigned int reslide_interval = 60;
module_param(reslide_interval, uint, 0644);
MODULE_PARM_DESC(reslide_interval, "seconds for which a region is used at least (60)");

/* Their memory stays as long as somebody has them: so no more than these in one environment. */
#define SHREG_RETIRED_MAX	4

struct shreg_crash_work {
	struct callback_head work;
	unsigned long address;
};

/* shreg_lock held */
static bool shreg_crash_retires(const struct shreg_region *region)
{
	unsigned int limit = READ_ONCE(reslide_after);
	u64 interval = (u64)READ_ONCE(reslide_interval) * NSEC_PER_SEC;

	return limit && region->crashes >= limit && !region->retired &&
	       ktime_get_ns() - region->sealed_at >= interval &&
	       shreg_region_reslide_count_locked(&region->env) < SHREG_RETIRED_MAX;
}

static void shreg_crash_count(struct shreg_region *region)
{
	bool retires;

	mutex_lock(&shreg_lock);
	region->crashes++;
	retires = shreg_crash_retires(region);
	if (retires) {
		region->reslide = true;
		shreg_region_retire_locked(region);
	}
	mutex_unlock(&shreg_lock);
	if (retires)
		pr_notice("shared_region: %u processes crashed in region %pUb: new ones need another\n",
			  region->crashes, region->uuid);
}

/* In the process, on its way to the signal's handler or to its end. */
static void shreg_crash_done(struct callback_head *head)
{
	struct shreg_crash_work *crash = container_of(head, struct shreg_crash_work, work);
	struct shreg_attach *attach = current->mm ? shreg_attach_of(current->mm) : NULL;

	if (attach) {
		struct shreg_region *region = attach->region;

		if (crash->address >= region->base &&
		    crash->address - region->base < region->size && !xchg(&attach->crashed, true))
			shreg_crash_count(region);
		shreg_attach_put(attach);
	}
	kfree(crash);
	/* unload waits until no task is between here and the end of the function */
	module_put(THIS_MODULE);
}

#ifdef CONFIG_TRACEPOINTS

static struct tracepoint *shreg_signal_tracepoint;

static bool shreg_is_crash(int sig, const struct kernel_siginfo *info)
{
	/* up to SEND_SIG_PRIV it is no pointer: sent by the kernel without an address */
	if ((sig != SIGSEGV && sig != SIGBUS) || (uintptr_t)info <= (uintptr_t)SEND_SIG_PRIV)
		return false;
	/* positive: from the kernel; with SI_KERNEL there is no address */
	return info->si_code > 0 && info->si_code != SI_KERNEL &&
	       (unsigned long)info->si_addr >= SHREG_BASE_LOW &&
	       (unsigned long)info->si_addr < SHREG_BASE_HIGH;
}

/*
 * Under the siglock, interrupts off: no lock of ours here. The rest is done by the process
 * itself.
 */
static void shreg_signal_generated(void *data, int sig, struct kernel_siginfo *info,
				   struct task_struct *task, int group, int result)
{
	struct shreg_crash_work *crash;

	if (!shreg_is_crash(sig, info) || task != current || !task->mm)
		return;
	if (!try_module_get(THIS_MODULE))
		return;
	crash = kmalloc(sizeof(*crash), GFP_ATOMIC | __GFP_NOWARN);
	if (!crash)
		goto err_module;
	crash->address = (unsigned long)info->si_addr;
	init_task_work(&crash->work, shreg_crash_done);
	if (!task_work_add(task, &crash->work, TWA_RESUME))
		return;
	kfree(crash);
err_module:
	module_put(THIS_MODULE);
}

static void shreg_find_tracepoint(struct tracepoint *tracepoint, void *found)
{
	if (!strcmp(tracepoint->name, "signal_generate"))
		*(struct tracepoint **)found = tracepoint;
}

/* Without the tracepoint nothing is counted, and nothing ever retired. */
void shreg_crash_init(void)
{
	for_each_kernel_tracepoint(shreg_find_tracepoint, &shreg_signal_tracepoint);
	if (shreg_signal_tracepoint &&
	    tracepoint_probe_register(shreg_signal_tracepoint, shreg_signal_generated, NULL))
		shreg_signal_tracepoint = NULL;
	if (!shreg_signal_tracepoint)
		pr_notice("shared_region: no tracepoint signal_generate: crashes are not counted\n");
}

void shreg_crash_exit(void)
{
	if (shreg_signal_tracepoint)
		tracepoint_probe_unregister(shreg_signal_tracepoint, shreg_signal_generated, NULL);
	tracepoint_synchronize_unregister();
	/* the last task work may still be at its last instruction */
	synchronize_rcu_tasks();
}

#else

void shreg_crash_init(void)
{
}

void shreg_crash_exit(void)
{
}

#endif
