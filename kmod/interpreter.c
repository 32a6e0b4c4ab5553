// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interpreter pairs: registered by ioctl, for programs of one root directory; in force as long
 * as both paths lead to the very files that were registered. What execve() makes of them:
 * exec.c.
 *
 * Whether a pair is in force is found out by looking both names up as the kernel would, each
 * time. That sees whatever can change the outcome: the file replaced, deleted or written, a
 * directory or symbolic link above it renamed, something mounted over any of them.
 */
#include <linux/capability.h>
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/fs_struct.h>
#include <linux/mutex.h>
#include <linux/namei.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "exec.h"
#include "region.h"

#if SHREG_HAS_EXEC

static LIST_HEAD(shreg_interpreters);
static DEFINE_MUTEX(shreg_interpreter_lock);	/* the list and the probe's registration */

/*
 * In a work item: handlers that found the pair in the list before it went look at it; wait for
 * them.
 */
static void shreg_interpreter_release(struct work_struct *work)
{
	struct shreg_interpreter *pair = container_of(work, struct shreg_interpreter, release);

	synchronize_rcu();
	path_put(&pair->genuine.path);
	path_put(&pair->replacement.path);
	path_put(&pair->root);
	kfree(pair);
}

void shreg_interpreter_put(struct shreg_interpreter *pair)
{
	if (refcount_dec_and_test(&pair->refs))
		queue_work(shreg_wq, &pair->release);
}

/*
 * 0: a look-up still ends at the file, which nobody wrote to. -ESTALE: no. Others tell nothing
 * about the file.
 */
static int shreg_pinned_check(const struct shreg_pinned *pin)
{
	struct path path;
	int ret = kern_path(pin->name, LOOKUP_FOLLOW, &path);

	if (ret == -ENOENT || ret == -ENOTDIR || ret == -ELOOP)
		return -ESTALE;
	if (ret)
		return ret;
	if (path.mnt != pin->path.mnt || d_inode(path.dentry) != d_inode(pin->path.dentry) ||
	    shreg_ctime(d_inode(path.dentry)) != pin->ctime)
		ret = -ESTALE;
	path_put(&path);
	return ret;
}

static int shreg_interpreter_check_file(struct shreg_interpreter *pair,
					const struct shreg_pinned *pin)
{
	int ret = shreg_pinned_check(pin);

	if (ret == -ESTALE && !xchg(&pair->stale, true))
		pr_notice("shared_region: %s is not the registered file any more: no substitution of %s\n",
			  pin->name + 1, pair->genuine.name + 1);
	return ret;
}

/* May sleep; in the caller's root directory, which is the pair's. */
bool shreg_interpreter_in_force(struct shreg_interpreter *pair)
{
	return !READ_ONCE(pair->stale) && !shreg_interpreter_check_file(pair, &pair->genuine) &&
	       !shreg_interpreter_check_file(pair, &pair->replacement);
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
		if (!strcmp(pair->genuine.name + 1, name) && shreg_root_is(&pair->root))
			return pair;
	return NULL;
}

/* A pair that may be in force, with a reference. Does not sleep. */
struct shreg_interpreter *shreg_interpreter_get(const char *name)
{
	struct shreg_interpreter *pair;

	rcu_read_lock();
	pair = shreg_interpreter_find(name);
	if (pair && (READ_ONCE(pair->stale) || !refcount_inc_not_zero(&pair->refs)))
		pair = NULL;
	rcu_read_unlock();
	return pair;
}

/* ---- the ioctls ---- */

static int shreg_copy_path(char to[SHREG_INTERPRETER_MAX], u64 user)
{
	long length = strncpy_from_user(to, u64_to_user_ptr(user), SHREG_INTERPRETER_MAX);

	if (length < 0)
		return length;
	if (length == SHREG_INTERPRETER_MAX)
		return -ENAMETOOLONG;
	return to[0] == '/' ? 0 : -EINVAL;
}

/*
 * Times are those of the last tick: a file that was changed in this one could be changed again
 * without getting another. So wait for the next tick.
 */
static u64 shreg_settled_ctime(const struct inode *inode)
{
	struct timespec64 now;
	int turn;

	for (turn = 0; turn < 20; turn++) {
		u64 ctime = shreg_ctime(inode);

		ktime_get_coarse_real_ts64(&now);
		if (timespec64_to_ns(&now) > ctime)
			return ctime;
		msleep(20);
	}
	return shreg_ctime(inode);	/* the clock was set back: waiting gains nothing */
}

/* Root's regular, executable file that nobody else may write: it will run as every user. */
static int shreg_pin(struct shreg_pinned *pin, u64 user_name)
{
	const struct inode *inode;
	int ret;

	pin->name[0] = '/';
	ret = shreg_copy_path(pin->name + 1, user_name);
	if (ret)
		return ret;
	ret = kern_path(pin->name, LOOKUP_FOLLOW, &pin->path);
	if (ret)
		return ret;
	inode = d_inode(pin->path.dentry);
	pin->ctime = shreg_settled_ctime(inode);
	if (S_ISREG(inode->i_mode) && (inode->i_mode & 0111) == 0111 && !(inode->i_mode & 0022) &&
	    uid_eq(inode->i_uid, GLOBAL_ROOT_UID))
		return 0;
	path_put(&pin->path);
	return -EACCES;
}

static struct shreg_interpreter *
shreg_interpreter_alloc(const struct shared_region_interpreter *arg)
{
	struct shreg_interpreter *pair = kzalloc(sizeof(*pair), GFP_KERNEL);
	int ret;

	if (!pair)
		return ERR_PTR(-ENOMEM);
	ret = shreg_pin(&pair->genuine, arg->genuine);
	if (ret)
		goto err_pair;
	ret = shreg_pin(&pair->replacement, arg->replacement);
	if (ret)
		goto err_genuine;
	get_fs_root(current->fs, &pair->root);
	INIT_WORK(&pair->release, shreg_interpreter_release);
	refcount_set(&pair->refs, 1);
	return pair;

err_genuine:
	path_put(&pair->genuine.path);
err_pair:
	kfree(pair);
	return ERR_PTR(ret);
}

static int shreg_interpreter_add(struct shreg_interpreter *pair)
{
	int ret = -EEXIST;

	mutex_lock(&shreg_interpreter_lock);
	if (!shreg_interpreter_find(pair->genuine.name + 1)) {
		ret = shreg_probe_register();
		if (!ret)
			list_add_tail_rcu(&pair->link, &shreg_interpreters);
	}
	mutex_unlock(&shreg_interpreter_lock);
	return ret;
}

/* shreg_interpreter_lock held */
static void shreg_interpreter_remove(struct shreg_interpreter *pair)
{
	list_del_rcu(&pair->link);
	shreg_interpreter_put(pair);
}

static int shreg_interpreter_check(const struct shared_region_interpreter *arg, u32 flags)
{
	if ((arg->flags & ~flags) || arg->reserved)
		return -EINVAL;
	/*
	 * Not ns_capable(): a user namespace can share its root directory with everybody else.
	 */
	return capable(CAP_SYS_ADMIN) ? 0 : -EPERM;
}

int shreg_interpreter_set(struct file *file, struct shared_region_interpreter *arg)
{
	struct shreg_interpreter *pair;
	int ret = shreg_interpreter_check(arg, SHARED_REGION_INTERPRETER_UNTIL_CLOSE);

	if (ret)
		return ret;
	pair = shreg_interpreter_alloc(arg);
	if (IS_ERR(pair))
		return PTR_ERR(pair);
	if (arg->flags & SHARED_REGION_INTERPRETER_UNTIL_CLOSE)
		pair->owner = file;
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
	int ret = shreg_interpreter_check(arg, 0);

	if (ret)
		return ret;
	return shreg_copy_path(name, arg->genuine);
}

int shreg_interpreter_clear(struct shared_region_interpreter *arg)
{
	char name[SHREG_INTERPRETER_MAX];
	struct shreg_interpreter *pair;
	int ret = shreg_interpreter_name(arg, name);

	if (ret)
		return ret;
	if (arg->replacement)
		return -EINVAL;
	mutex_lock(&shreg_interpreter_lock);
	pair = shreg_interpreter_find(name);
	if (pair)
		shreg_interpreter_remove(pair);
	mutex_unlock(&shreg_interpreter_lock);
	return pair ? 0 : -ENOENT;
}

/* To a buffer of SHARED_REGION_INTERPRETER_PATH_SIZE, if the caller has one. */
static int shreg_tell_replacement(const struct shreg_interpreter *pair, u64 user)
{
	const char *name = pair->replacement.name + 1;

	if (!user)
		return 0;
	return copy_to_user(u64_to_user_ptr(user), name, strlen(name) + 1) ? -EFAULT : 0;
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
	if (pair)
		refcount_inc(&pair->refs);	/* the list has one */
	mutex_unlock(&shreg_interpreter_lock);
	if (!pair)
		return -ENOENT;
	arg->state = shreg_interpreter_in_force(pair) ? SHARED_REGION_INTERPRETER_ACTIVE :
							SHARED_REGION_INTERPRETER_STALE;
	arg->flags = pair->owner ? SHARED_REGION_INTERPRETER_UNTIL_CLOSE : 0;
	arg->substituted = atomic64_read(&pair->substituted);
	ret = shreg_tell_replacement(pair, arg->replacement);
	shreg_interpreter_put(pair);
	return ret;
}

/* ---- the end ---- */

static void shreg_interpreters_remove(const struct file *owner, bool all)
{
	struct shreg_interpreter *pair, *next;

	mutex_lock(&shreg_interpreter_lock);
	list_for_each_entry_safe(pair, next, &shreg_interpreters, link)
		if (all || pair->owner == owner)
			shreg_interpreter_remove(pair);
	mutex_unlock(&shreg_interpreter_lock);
}

/* The last reference to an open file of the device is gone, its owner dead or not. */
void shreg_interpreters_release(const struct file *file)
{
	shreg_interpreters_remove(file, false);
}

void shreg_interpreters_exit(void)
{
	shreg_interpreters_remove(NULL, true);
	shreg_probe_unregister();
	shreg_probe_wait();
}

#else /* !SHREG_HAS_EXEC */

int shreg_interpreter_set(struct file *file, struct shared_region_interpreter *arg)
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

void shreg_interpreters_release(const struct file *file)
{
}

void shreg_interpreters_exit(void)
{
}

#endif
