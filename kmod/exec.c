// SPDX-License-Identifier: GPL-2.0-only
/*
 * What execve() does for programs whose interpreter has a substitute.
 *
 * A kprobe on open_exec(), which gets the name as its argument. The handler runs atomically and
 * only compares the name and the caller's root; for a registered pair it lets shreg_open_exec()
 * run in the place of open_exec(), as the kernel's fault injection does. That one may sleep: it
 * looks both paths up, opens the replacement, and, should anything be wrong with it, the genuine
 * interpreter. A missed probe means the genuine one, which is always right.
 *
 * Scripts whose #! line names the genuine ld.so itself are substituted as well: it is the same
 * call.
 */
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/task_work.h>

#include "exec.h"
#include "region.h"

#if SHREG_HAS_EXEC

/*
 * Waits for the end of the exec, to put the placeholder into the new mm. Holds a reference to
 * the module.
 */
struct shreg_exec_work {
	struct callback_head work;
	struct mm_struct *old_mm;	/* pinned, so that the new one has another address */
};

static atomic_t shreg_substituting = ATOMIC_INIT(0);	/* calls of shreg_open_exec() */
static struct task_struct *shreg_prober;	/* who tries the probe; shreg_interpreter_lock */
static bool shreg_prober_seen;

/* On the way back to user mode: after execve(), successful or not. */
static void shreg_exec_done(struct callback_head *head)
{
	struct shreg_exec_work *exec = container_of(head, struct shreg_exec_work, work);

	if (current->mm && current->mm != exec->old_mm && !(current->flags & PF_EXITING))
		shreg_placeholder_map();
	mmdrop(exec->old_mm);
	kfree(exec);
	/*
	 * unload waits until no task is between here and the end of the function:
	 * shreg_probe_wait()
	 */
	module_put(THIS_MODULE);
}

/*
 * Without memory there is no placeholder: CHECK does not need it. The reference to the module,
 * as the rest of execve() can take long (a slow disk), and an unload shall not have to wait for
 * it.
 */
static void shreg_exec_remember(void)
{
	struct shreg_exec_work *exec;

	if (!current->mm || !try_module_get(THIS_MODULE))
		return;
	exec = kmalloc(sizeof(*exec), GFP_KERNEL);
	if (!exec)
		goto err_module;
	exec->old_mm = current->mm;
	mmgrab(exec->old_mm);
	init_task_work(&exec->work, shreg_exec_done);
	if (!task_work_add(current, &exec->work, TWA_RESUME))
		return;
	mmdrop(exec->old_mm);
	kfree(exec);
err_module:
	module_put(THIS_MODULE);
}

static struct file *shreg_open_replacement(struct shreg_interpreter *pair)
{
	struct file *file;

	if (!shreg_interpreter_in_force(pair))
		return NULL;
	file = open_exec(pair->replacement.name);
	if (IS_ERR(file)) {
		/* perhaps only this caller may not: so the pair stays in force for others */
		pr_notice_ratelimited("shared_region: %s cannot be opened (%ld): %s got the genuine one\n",
				      pair->replacement.name + 1, PTR_ERR(file), current->comm);
		return NULL;
	}
	atomic64_inc(&pair->substituted);
	shreg_exec_remember();
	return file;
}

/* In the place of open_exec(). @pair: a reference from the handler. */
static struct file *shreg_open_exec(const char *name, struct shreg_interpreter *pair)
{
	struct file *file = shreg_open_replacement(pair) ?: open_exec(pair->genuine.name);

	shreg_interpreter_put(pair);
	atomic_dec(&shreg_substituting);
	return file;
}

/*
 * Not for us: go on. Where the probe sits on ftrace's call, behind that call, by regs->ip and not
 * by returning 0, which comes to the same on a processor. QEMU before 8.1 can go on executing an
 * int3 that ftrace set there for a moment; kprobes takes it for the probe's own and would
 * single-step the copy of the instruction, which such probes do not have (kernel-abi.md).
 */
static int shreg_open_exec_go_on(struct kprobe *probe, struct pt_regs *regs)
{
#ifdef CONFIG_KPROBES_ON_FTRACE
	if (kprobe_ftrace(probe)) {
		regs->ip = (unsigned long)probe->addr + MCOUNT_INSN_SIZE;
		return 1;
	}
#endif
	return 0;
}

/* 1: regs->ip says where to go on. */
static int shreg_open_exec_entry(struct kprobe *probe, struct pt_regs *regs)
{
	struct shreg_interpreter *pair;

	if (READ_ONCE(shreg_prober) == current)
		WRITE_ONCE(shreg_prober_seen, true);
	pair = shreg_interpreter_get((const char *)regs->di);
	if (!pair)
		return shreg_open_exec_go_on(probe, regs);
	atomic_inc(&shreg_substituting);
	regs->si = (unsigned long)pair;
	regs->ip = (unsigned long)shreg_open_exec;
	return 1;
}

/* That there is one tells kprobes on ftrace that we change regs->ip. */
static void shreg_open_exec_post(struct kprobe *probe, struct pt_regs *regs, unsigned long flags)
{
}

static struct kprobe shreg_open_exec_probe = {
	.symbol_name = "open_exec",
	.pre_handler = shreg_open_exec_entry,
	.post_handler = shreg_open_exec_post,
};

static bool shreg_probe_registered;	/* shreg_interpreter_lock */

/*
 * Kprobes can be switched off as a whole at run time: then registering succeeds, and nothing
 * happens.
 */
static bool shreg_probe_works(void)
{
	struct file *file;

	WRITE_ONCE(shreg_prober_seen, false);
	WRITE_ONCE(shreg_prober, current);
	file = open_exec("/dev/null/no such file");
	WRITE_ONCE(shreg_prober, NULL);
	if (!IS_ERR(file))
		fput(file);
	return READ_ONCE(shreg_prober_seen);
}

/*
 * shreg_interpreter_lock held. The probe stays until unload, with pairs or without: arming and
 * disarming rewrite code that all processors run, and wait for grace periods.
 */
int shreg_probe_register(void)
{
	if (!shreg_probe_registered) {
		/* a failed attempt leaves the address there, which may not be given twice */
		shreg_open_exec_probe.addr = NULL;
		shreg_probe_registered = !register_kprobe(&shreg_open_exec_probe);
	}
	return shreg_probe_registered && shreg_probe_works() ? 0 : -EOPNOTSUPP;
}

/* Unload. No handler runs any more afterwards; shreg_open_exec() may. */
void shreg_probe_unregister(void)
{
	if (shreg_probe_registered)
		unregister_kprobe(&shreg_open_exec_probe);
}

/* Unload: nobody is in our code any more. */
void shreg_probe_wait(void)
{
	while (atomic_read(&shreg_substituting))
		msleep(20);
	/*
	 * The last of them may still be at its last instructions, preempted even: that is no end
	 * for RCU tasks, only a switch of its own will or user mode is. The same for
	 * shreg_exec_done(), whose module_put() was before the unload.
	 */
	synchronize_rcu_tasks();
}

#endif /* SHREG_HAS_EXEC */
