// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interpreter substitution: execve() of a program of a registered root opens another ld.so than
 * PT_INTERP says.
 *
 * A kretprobe on open_exec(), which gets the name as its argument. The entry handler runs
 * atomically: it compares the name, the caller's root, and whether the genuine ld.so is still the
 * registered one; no look-up, no sleep. The replacement's name must live until open_exec() has
 * copied it, which may sleep: so each substitution holds a reference until the function returns. A
 * missed probe means the genuine ld.so, which is always right.
 *
 * Scripts whose #! line names the genuine ld.so itself are substituted as well: it is the same
 * call.
 */
#include <linux/capability.h>
#include <linux/dcache.h>
#include <linux/delay.h>
#include <linux/fs_struct.h>
#include <linux/kprobes.h>
#include <linux/namei.h>
#include <linux/rculist.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/task_work.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "region.h"

#ifdef CONFIG_KRETPROBES

#define SHREG_INTERPRETER_MAX	256

struct shreg_interpreter {
	struct list_head link;		/* shreg_interpreter_lock; read under RCU */
	refcount_t refs;		/* the list and each open_exec() under way */
	struct path root;
	struct path genuine;
	struct inode *inode;		/* of genuine, which pins it */
	u64 ctime;
	bool stale;			/* for good */
	atomic64_t substituted;
	struct work_struct release;
	char name[SHREG_INTERPRETER_MAX];
	char replacement[SHREG_INTERPRETER_MAX];
};

/* Waits for the end of the exec, to put the placeholder into the new mm. */
struct shreg_exec_work {
	struct callback_head work;
	struct mm_struct *old_mm;	/* pinned, so that the new one has another address */
};

static LIST_HEAD(shreg_interpreters);
static DEFINE_MUTEX(shreg_interpreter_lock);	/* the list and the probe's registration */
static atomic_t shreg_substituting = ATOMIC_INIT(0);	/* open_exec() calls with a name of ours */
static atomic_t shreg_exec_works = ATOMIC_INIT(0);	/* shreg_exec_done() still to come */

/*
 * In a work item: the last reference may go in the probe's handler, and path_put() sleeps. Handlers
 * that found the pair in the list before it went look at its dentry: wait for them.
 */
static void shreg_interpreter_release(struct work_struct *work)
{
	struct shreg_interpreter *pair = container_of(work, struct shreg_interpreter, release);

	synchronize_rcu();
	path_put(&pair->genuine);
	path_put(&pair->root);
	kfree(pair);
}

static void shreg_interpreter_put(struct shreg_interpreter *pair)
{
	if (refcount_dec_and_test(&pair->refs))
		queue_work(shreg_wq, &pair->release);
}

/*
 * Is the file at the genuine path still the one that was registered? A rename over it unhashes its
 * dentry.
 */
static bool shreg_genuine_unchanged(struct shreg_interpreter *pair)
{
	if (READ_ONCE(pair->stale))
		return false;
	if (!d_unhashed(pair->genuine.dentry) && d_inode(pair->genuine.dentry) == pair->inode &&
	    shreg_ctime(pair->inode) == pair->ctime)
		return true;
	WRITE_ONCE(pair->stale, true);
	pr_notice("shared_region: %s was replaced or rewritten: no substitution any more\n",
		  pair->name);
	return false;
}

static bool shreg_root_is(const struct path *root)
{
	struct fs_struct *fs = current->fs;
	unsigned int seq;
	bool same;

	do {
		seq = read_seqcount_begin(&fs->seq);
		same = path_equal(&fs->root, root);
	} while (read_seqcount_retry(&fs->seq, seq));
	return same;
}

static struct shreg_interpreter *shreg_interpreter_find(const char *name)
{
	struct shreg_interpreter *pair;

	list_for_each_entry_rcu(pair, &shreg_interpreters, link,
				lockdep_is_held(&shreg_interpreter_lock))
		if (!strcmp(pair->name, name) && shreg_root_is(&pair->root))
			return pair;
	return NULL;
}

/* Non-zero: the return handler is not wanted. */
static int shreg_open_exec_entry(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	struct shreg_interpreter **held = (void *)instance->data;
	struct shreg_interpreter *pair;
	int ret = 1;

	rcu_read_lock();
	pair = shreg_interpreter_find((const char *)regs->di);
	if (pair && shreg_genuine_unchanged(pair) && refcount_inc_not_zero(&pair->refs)) {
		atomic_inc(&shreg_substituting);
		atomic64_inc(&pair->substituted);
		regs->di = (unsigned long)pair->replacement;
		*held = pair;
		ret = 0;
	}
	rcu_read_unlock();
	return ret;
}

/* On the way back to user mode: after execve(), successful or not. */
static void shreg_exec_done(struct callback_head *head)
{
	struct shreg_exec_work *exec = container_of(head, struct shreg_exec_work, work);

	if (current->mm && current->mm != exec->old_mm && !(current->flags & PF_EXITING))
		shreg_placeholder_map();
	mmdrop(exec->old_mm);
	kfree(exec);
	atomic_dec(&shreg_exec_works);
}

/* Without memory there is no placeholder: CHECK does not need it. */
static void shreg_exec_remember(void)
{
	struct shreg_exec_work *exec = kmalloc(sizeof(*exec), GFP_ATOMIC);

	if (!exec)
		return;
	exec->old_mm = current->mm;
	mmgrab(exec->old_mm);
	init_task_work(&exec->work, shreg_exec_done);
	atomic_inc(&shreg_exec_works);
	if (task_work_add(current, &exec->work, TWA_RESUME)) {
		mmdrop(exec->old_mm);
		kfree(exec);
		atomic_dec(&shreg_exec_works);
	}
}

static int shreg_open_exec_return(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	if (!IS_ERR_VALUE(regs_return_value(regs)) && current->mm)
		shreg_exec_remember();
	shreg_interpreter_put(*(struct shreg_interpreter **)(void *)instance->data);
	atomic_dec(&shreg_substituting);
	return 0;
}

static struct kretprobe shreg_open_exec_probe;

/* shreg_interpreter_lock held. The probe is there while the list is not empty. */
static int shreg_probe_register(void)
{
	int ret;

	if (!list_empty(&shreg_interpreters))
		return 0;
	/* registering fills in fields: begin anew each time */
	shreg_open_exec_probe = (struct kretprobe) {
		.kp.symbol_name = "open_exec",
		.entry_handler = shreg_open_exec_entry,
		.handler = shreg_open_exec_return,
		.data_size = sizeof(struct shreg_interpreter *),
		.maxactive = max(64U, 4 * num_possible_cpus()),
	};
	ret = register_kretprobe(&shreg_open_exec_probe);
	return ret ? -EOPNOTSUPP : 0;
}

/*
 * shreg_interpreter_lock held, nobody finds a pair any more: wait for the return handlers, which
 * hold names.
 */
static void shreg_probe_unregister(void)
{
	if (!list_empty(&shreg_interpreters))
		return;
	synchronize_rcu();
	while (atomic_read(&shreg_substituting))
		msleep(20);
	unregister_kretprobe(&shreg_open_exec_probe);
}

static int shreg_copy_path(char to[SHREG_INTERPRETER_MAX], u64 user)
{
	long length = strncpy_from_user(to, u64_to_user_ptr(user), SHREG_INTERPRETER_MAX);

	if (length < 0)
		return length;
	if (length == SHREG_INTERPRETER_MAX)
		return -ENAMETOOLONG;
	return to[0] == '/' ? 0 : -EINVAL;
}

/* Root's regular, executable file that nobody else may write: it will run as every user. */
static int shreg_interpreter_file(const char *name, struct path *path)
{
	const struct inode *inode;
	int ret = kern_path(name, LOOKUP_FOLLOW, path);

	if (ret)
		return ret;
	inode = d_inode(path->dentry);
	if (S_ISREG(inode->i_mode) && (inode->i_mode & 0111) == 0111 && !(inode->i_mode & 0022) &&
	    uid_eq(inode->i_uid, GLOBAL_ROOT_UID))
		return 0;
	path_put(path);
	return -EACCES;
}

static int shreg_interpreter_fill(struct shreg_interpreter *pair)
{
	struct path replacement;
	int ret = shreg_interpreter_file(pair->replacement, &replacement);

	if (ret)
		return ret;
	path_put(&replacement);
	ret = shreg_interpreter_file(pair->name, &pair->genuine);
	if (ret)
		return ret;
	pair->inode = d_inode(pair->genuine.dentry);
	pair->ctime = shreg_ctime(pair->inode);
	get_fs_root(current->fs, &pair->root);
	INIT_WORK(&pair->release, shreg_interpreter_release);
	refcount_set(&pair->refs, 1);
	return 0;
}

static int shreg_interpreter_add(struct shreg_interpreter *pair)
{
	int ret = -EEXIST;

	mutex_lock(&shreg_interpreter_lock);
	if (!shreg_interpreter_find(pair->name)) {
		ret = shreg_probe_register();
		if (!ret)
			list_add_tail_rcu(&pair->link, &shreg_interpreters);
	}
	mutex_unlock(&shreg_interpreter_lock);
	return ret;
}

static int shreg_interpreter_check(const struct shared_region_interpreter *arg)
{
	if (arg->flags || arg->reserved)
		return -EINVAL;
	/* Not ns_capable(): a user namespace can share its root directory with everybody else. */
	return capable(CAP_SYS_ADMIN) ? 0 : -EPERM;
}

int shreg_interpreter_set(struct shared_region_interpreter *arg)
{
	struct shreg_interpreter *pair;
	int ret = shreg_interpreter_check(arg);

	if (ret)
		return ret;
	pair = kzalloc(sizeof(*pair), GFP_KERNEL);
	if (!pair)
		return -ENOMEM;
	ret = shreg_copy_path(pair->name, arg->genuine);
	if (!ret)
		ret = shreg_copy_path(pair->replacement, arg->replacement);
	if (!ret)
		ret = shreg_interpreter_fill(pair);
	if (ret) {
		kfree(pair);
		return ret;
	}
	ret = shreg_interpreter_add(pair);
	if (ret)
		shreg_interpreter_put(pair);
	arg->state = SHARED_REGION_INTERPRETER_ACTIVE;
	return ret;
}

/* CLEAR and QUERY: which pair is meant. */
static int shreg_interpreter_name(const struct shared_region_interpreter *arg,
				  char name[SHREG_INTERPRETER_MAX])
{
	int ret = shreg_interpreter_check(arg);

	if (ret)
		return ret;
	return arg->replacement ? -EINVAL : shreg_copy_path(name, arg->genuine);
}

int shreg_interpreter_clear(struct shared_region_interpreter *arg)
{
	char name[SHREG_INTERPRETER_MAX];
	struct shreg_interpreter *pair;
	int ret = shreg_interpreter_name(arg, name);

	if (ret)
		return ret;
	mutex_lock(&shreg_interpreter_lock);
	pair = shreg_interpreter_find(name);
	if (pair) {
		list_del_rcu(&pair->link);
		shreg_probe_unregister();
		shreg_interpreter_put(pair);
	}
	mutex_unlock(&shreg_interpreter_lock);
	return pair ? 0 : -ENOENT;
}

int shreg_interpreter_query(struct shared_region_interpreter *arg)
{
	char name[SHREG_INTERPRETER_MAX];
	struct shreg_interpreter *pair;
	int ret = shreg_interpreter_name(arg, name);

	if (ret)
		return ret;
	mutex_lock(&shreg_interpreter_lock);
	pair = shreg_interpreter_find(name);
	if (pair) {
		arg->state = shreg_genuine_unchanged(pair) ? SHARED_REGION_INTERPRETER_ACTIVE :
							     SHARED_REGION_INTERPRETER_STALE;
		arg->substituted = atomic64_read(&pair->substituted);
	}
	mutex_unlock(&shreg_interpreter_lock);
	return pair ? 0 : -ENOENT;
}

void shreg_exec_exit(void)
{
	struct shreg_interpreter *pair, *next;

	mutex_lock(&shreg_interpreter_lock);
	list_for_each_entry_safe(pair, next, &shreg_interpreters, link) {
		list_del_rcu(&pair->link);
		shreg_probe_unregister();
		shreg_interpreter_put(pair);
	}
	mutex_unlock(&shreg_interpreter_lock);
	while (atomic_read(&shreg_exec_works))
		msleep(20);
	/*
	 * the last of them may still be at its last instruction: until it schedules or is in user
	 * mode
	 */
	synchronize_rcu_tasks();
}

#else /* !CONFIG_KRETPROBES */

int shreg_interpreter_set(struct shared_region_interpreter *arg)
{
	return -EOPNOTSUPP;
}

int shreg_interpreter_clear(struct shared_region_interpreter *arg)
{
	return -EOPNOTSUPP;
}

int shreg_interpreter_query(struct shared_region_interpreter *arg)
{
	return -EOPNOTSUPP;
}

void shreg_exec_exit(void)
{
}

#endif
