// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device's ioctls: one table, one path that checks sizes and copies. What they mean: uapi
 * header.
 */
#include <linux/compat.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "region.h"

/* Every argument structure; the handlers see it zero-completed and it is copied back whole. */
union shreg_argument {
	__u32 size;
	struct shared_region_check check;
	struct shared_region_map_and_slide map_and_slide;
	struct shared_region_query query;
	struct shared_region_detach detach;
	struct shared_region_retire retire;
	struct shared_region_interpreter interpreter;
};

struct shreg_ioctl {
	unsigned int cmd;
	unsigned int size;	/* what this module knows */
	unsigned int min_size;	/* the first version's */
	int (*handler)(struct file *file, union shreg_argument *arg);
};

/* The regions that an fd configured: each is in use as long as the fd is open. */
struct shreg_configured {
	struct shreg_region *region;
	struct shreg_configured *next;
};

static bool shreg_is_wanted(const struct shared_region_check *check,
			    const struct shreg_region *region)
{
	return !(check->flags & SHARED_REGION_CHECK_UUID) ||
	       !memcmp(check->uuid, region->uuid, sizeof(check->uuid));
}

/* The region of a process that is attached, with a reference; NULL: it is not. */
static struct shreg_region *shreg_region_of_current(void)
{
	struct shreg_attach *attach = shreg_attach_of_current();
	struct shreg_region *region;

	if (IS_ERR_OR_NULL(attach))
		return ERR_CAST(attach);
	region = attach->region;
	kref_get(&region->ref);
	shreg_attach_put(attach);
	return region;
}

/* -EALREADY: another thread was faster; -EIDRM: the region went meanwhile. */
static int shreg_attach_as_wanted(struct shreg_region *region,
				  const struct shared_region_check *check,
				  const struct shreg_part *part)
{
	int ret;

	if (!shreg_is_wanted(check, region))
		return -ESTALE;
	ret = shreg_part_check(part, region);
	return ret ?: shreg_attach_current(region, part, check->flags & SHARED_REGION_CHECK_EAGER);
}

/* The region of the caller, who is attached to it then, with a reference. */
static struct shreg_region *shreg_check(const struct shared_region_check *check,
					const struct shreg_part *part)
{
	struct shreg_environment env;
	struct shreg_region *region;
	int ret;

	do {
		/* An attached process keeps its region, also after chroot(). */
		region = shreg_region_of_current();
		if (IS_ERR(region))
			return region;
		if (region) {
			ret = shreg_is_wanted(check, region) ? 0 : -ESTALE;
			if (!ret && (part->limit || part->sparse || part->request_count))
				ret = -EBUSY;
			break;
		}
		ret = shreg_environment_of_current(&env);
		if (ret)
			return ERR_PTR(ret);
		region = shreg_region_find_sealed(&env, check->flags & SHARED_REGION_CHECK_WAIT);
		shreg_environment_put(&env);
		if (IS_ERR(region))
			return region;
		ret = shreg_attach_as_wanted(region, check, part);
		if (ret == -EALREADY || ret == -EIDRM)
			shreg_region_put(region);
	} while (ret == -EALREADY || ret == -EIDRM);
	if (!ret)
		return region;
	shreg_region_put(region);
	return ERR_PTR(ret);
}

static int shreg_do_check(struct file *file, union shreg_argument *arg)
{
	struct shared_region_check *check = &arg->check;
	struct shreg_region *region;
	struct shreg_part part;
	int ret;

	if (check->flags & ~(SHARED_REGION_CHECK_EAGER | SHARED_REGION_CHECK_WAIT |
			     SHARED_REGION_CHECK_UUID | SHARED_REGION_CHECK_SPARSE))
		return -EINVAL;
	ret = shreg_part_read(&part, check);
	if (ret)
		return ret;
	region = shreg_check(check, &part);
	shreg_part_free(&part);
	if (IS_ERR(region))
		return PTR_ERR(region);
	check->base = region->base;
	check->region_size = region->size;
	check->slide = region->slide;
	memcpy(check->uuid, region->uuid, sizeof(check->uuid));
	shreg_region_put(region);
	return 0;
}

/* The environment's region, configured, with one more use of it that the caller owns. */
static struct shreg_region *shreg_configure_and_use(const struct shreg_environment *env,
						    const struct shared_region_map_and_slide *map)
{
	struct shreg_region *region;
	int ret;

	for (;;) {
		region = shreg_configure(env, map);
		if (IS_ERR(region))
			return region;
		ret = shreg_region_use(region, false);
		shreg_region_put(region);
		if (!ret)
			return region;
		/* EIDRM: somebody else's, and its time was up between the two steps */
	}
}

/* The use of its region belongs to the open file from here on. */
static void shreg_keep_until_close(struct file *file, struct shreg_configured *entry)
{
	mutex_lock(&shreg_lock);
	entry->next = file->private_data;
	file->private_data = entry;
	mutex_unlock(&shreg_lock);
}

/*
 * What nobody maps must not be kept for a user namespace: nobody would be there to end it when the
 * namespace is gone.
 */
static bool shreg_may_configure(const struct shreg_environment *env, u32 flags)
{
	if ((flags & SHARED_REGION_KEEP) && env->user_ns != &init_user_ns)
		return false;
	return ns_capable(env->user_ns, CAP_SYS_ADMIN);
}

static int shreg_do_map_and_slide(struct file *file, union shreg_argument *arg)
{
	struct shared_region_map_and_slide *map = &arg->map_and_slide;
	struct shreg_configured *entry;
	struct shreg_environment env;
	int ret;

	if (map->flags &
	    ~(SHARED_REGION_VERIFY_SHA256 | SHARED_REGION_KEEP | SHARED_REGION_REPLACE))
		return -EINVAL;
	ret = shreg_environment_of_current(&env);
	if (ret)
		return ret;
	ret = -EPERM;
	if (!shreg_may_configure(&env, map->flags))
		goto out_env;
	/* before the seal, after which nothing may fail any more */
	entry = shreg_may_fail(kmalloc(sizeof(*entry), GFP_KERNEL_ACCOUNT), NULL);
	ret = -ENOMEM;
	if (!entry)
		goto out_env;
	entry->region = shreg_configure_and_use(&env, map);
	ret = PTR_ERR_OR_ZERO(entry->region);
	if (ret) {
		kfree(entry);
		goto out_env;
	}
	map->base = entry->region->base;
	map->slide = entry->region->slide;
	if (map->flags & SHARED_REGION_KEEP) {
		shreg_region_keep(entry->region);
		shreg_region_unuse(entry->region, false);
		kfree(entry);
	} else {
		shreg_keep_until_close(file, entry);
	}
out_env:
	shreg_environment_put(&env);
	return ret;
}

static void shreg_fill_query(struct shared_region_query *query, struct shreg_region *region)
{
	mutex_lock(&shreg_lock);
	query->attached = region->attached;
	query->crashes = region->crashes;
	if (region->reslide)
		query->flags |= SHARED_REGION_QUERY_RESLIDE;
	if (region->retired)
		query->flags |= SHARED_REGION_QUERY_RETIRED;
	if (region->kept)
		query->flags |= SHARED_REGION_QUERY_KEPT;
	mutex_unlock(&shreg_lock);
	if (!shreg_region_sealed(region)) {
		query->state = SHARED_REGION_STATE_CONFIGURING;
		return;
	}
	query->state = SHARED_REGION_STATE_SEALED;
	query->base = region->base;
	query->region_size = region->size;
	query->pages = region->page_count;
	query->tables = region->table_count;
	query->leaves = region->leaf_count;
	query->nested = atomic64_read(&region->counters.nests);
	query->unnested = atomic64_read(&region->counters.unnests);
	query->flushes = atomic64_read(&region->counters.flushes);
	memcpy(query->uuid, region->uuid, sizeof(query->uuid));
}

/* shreg_lock held. The environment has no region, or none any more (@retired or NULL). */
static void shreg_fill_query_retired(struct shared_region_query *query,
				     const struct shreg_region *retired)
{
	if (!retired)
		return;
	query->flags = SHARED_REGION_QUERY_RESLIDE;
	query->crashes = retired->crashes;
}

static int shreg_do_query(struct file *file, union shreg_argument *arg)
{
	struct shared_region_query *query = &arg->query;
	struct shreg_attach *attach = shreg_attach_of(current->mm);
	struct shreg_environment env;
	struct shreg_region *region;
	u32 size = query->size;
	int ret;

	if (query->flags) {
		if (attach)
			shreg_attach_put(attach);
		return -EINVAL;
	}
	memset(query, 0, sizeof(*query));
	query->size = size;
	if (attach) {
		shreg_fill_query(query, attach->region);
		query->flags |= SHARED_REGION_QUERY_ATTACHED;
		shreg_attach_put(attach);
		return 0;
	}
	ret = shreg_environment_of_current(&env);
	if (ret)
		return ret;
	mutex_lock(&shreg_lock);
	region = shreg_region_find_locked(&env);
	if (region)
		kref_get(&region->ref);
	else
		shreg_fill_query_retired(query, shreg_region_find_reslide_locked(&env));
	mutex_unlock(&shreg_lock);
	shreg_environment_put(&env);
	if (region) {
		shreg_fill_query(query, region);
		shreg_region_put(region);
	}
	return 0;
}

static int shreg_do_detach(struct file *file, union shreg_argument *arg)
{
	struct shreg_attach *attach;
	unsigned long base;
	u64 size;

	if (arg->detach.flags)
		return -EINVAL;
	attach = shreg_attach_of(current->mm);
	if (!attach)
		return -ENOENT;
	base = attach->region->base;
	size = attach->region->size;
	shreg_attach_put(attach);
	return vm_munmap(base, size);
}

static int shreg_do_retire(struct file *file, union shreg_argument *arg)
{
	const struct shared_region_retire *retire = &arg->retire;
	struct shreg_environment env;
	int ret;

	if (retire->flags & ~SHARED_REGION_RETIRE_UUID)
		return -EINVAL;
	ret = shreg_environment_of_current(&env);
	if (ret)
		return ret;
	ret = -EPERM;
	if (ns_capable(env.user_ns, CAP_SYS_ADMIN))
		ret = shreg_region_retire(&env, retire->flags & SHARED_REGION_RETIRE_UUID ?
							retire->uuid : NULL);
	shreg_environment_put(&env);
	return ret;
}

static int shreg_do_interpreter_set(struct file *file, union shreg_argument *arg)
{
	return shreg_interpreter_set(file, &arg->interpreter);
}

static int shreg_do_interpreter_clear(struct file *file, union shreg_argument *arg)
{
	return shreg_interpreter_clear(&arg->interpreter);
}

static int shreg_do_interpreter_query(struct file *file, union shreg_argument *arg)
{
	return shreg_interpreter_query(&arg->interpreter);
}

/* The command, its structure with the last field of the first version, and who does it. */
#define SHREG_IOCTL(command, type, last, function) {				\
	.cmd = SHARED_REGION_##command,						\
	.size = sizeof(struct shared_region_##type),				\
	.min_size = offsetofend(struct shared_region_##type, last),		\
	.handler = shreg_do_##function,						\
}

static const struct shreg_ioctl shreg_ioctls[] = {
	SHREG_IOCTL(CHECK, check, uuid, check),
	SHREG_IOCTL(MAP_AND_SLIDE, map_and_slide, slide, map_and_slide),
	SHREG_IOCTL(QUERY, query, uuid, query),
	SHREG_IOCTL(DETACH, detach, flags, detach),
	SHREG_IOCTL(RETIRE, retire, uuid, retire),
	SHREG_IOCTL(INTERPRETER_SET, interpreter, substituted, interpreter_set),
	SHREG_IOCTL(INTERPRETER_CLEAR, interpreter, substituted, interpreter_clear),
	SHREG_IOCTL(INTERPRETER_QUERY, interpreter, substituted, interpreter_query),
};

static const struct shreg_ioctl *shreg_ioctl_find(unsigned int cmd)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(shreg_ioctls); i++)
		if (shreg_ioctls[i].cmd == cmd)
			return &shreg_ioctls[i];
	return NULL;
}

long shreg_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	const struct shreg_ioctl *ioctl = shreg_ioctl_find(cmd);
	void __user *user = (void __user *)arg;
	union shreg_argument argument = { };
	u32 size;
	int ret;

	if (!ioctl)
		return -ENOTTY;
	/*
	 * Whatever the environment says later: no region has an address that a 32-bit process
	 * can reach.
	 */
	if (in_compat_syscall())
		return -EOPNOTSUPP;
	if (get_user(size, (u32 __user *)user))
		return -EFAULT;
	if (size < ioctl->min_size)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;	/* nobody shall have us look at gigabytes of zeros */
	ret = copy_struct_from_user(&argument, ioctl->size, user, size);
	if (ret)
		return ret;
	argument.size = size;
	ret = ioctl->handler(file, &argument);
	if (ret)
		return ret;
	if (copy_to_user(user, &argument, min(size, ioctl->size)))
		return -EFAULT;
	return 0;
}

int shreg_open(struct inode *inode, struct file *file)
{
	file->private_data = NULL;	/* misc_open() left its device there */
	return 0;
}

int shreg_release(struct inode *inode, struct file *file)
{
	struct shreg_configured *entry = file->private_data;

	shreg_interpreters_release(file);
	while (entry) {
		struct shreg_configured *next = entry->next;

		shreg_region_unuse(entry->region, false);
		kfree(entry);
		entry = next;
	}
	return 0;
}
