// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regions: the list, their states, who uses them, and their end.
 *
 * CONFIGURING -> SEALED -> DEAD, or CONFIGURING -> DEAD if the configuration fails. A region is
 * in the list until it is DEAD. Its memory goes with the last reference: every VMA's vm_file has
 * one, so pages and tables outlive each page table that points at them (rule 10).
 */
#include <linux/file.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>

#include "region.h"

static unsigned int destroy_delay = 120;
module_param(destroy_delay, uint, 0644);
MODULE_PARM_DESC(destroy_delay, "seconds for which a region without users is kept (120)");

static unsigned int user_namespaces_limit = 1024;
module_param(user_namespaces_limit, uint, 0644);
MODULE_PARM_DESC(user_namespaces_limit,
		 "MiB that all regions of user namespaces other than the initial one may hold (1024)");

DEFINE_MUTEX(shreg_lock);		/* the list, and what region.h says */
static u64 shreg_charged;		/* shreg_lock: bytes of regions of user namespaces */
static LIST_HEAD(shreg_regions);	/* shreg_lock */

static void shreg_region_free_slot(struct shreg_region *region, unsigned long slot)
{
	struct page **pages = &region->pages[slot * PTRS_PER_PTE];
	struct page *large = shreg_large_page(region, slot);
	unsigned long i;

	if (large)
		shreg_large_page_free(large);
	for (i = 0; !large && i < PTRS_PER_PTE; i++)
		if (pages[i])
			__free_page(pages[i]);
}

/*
 * Anybody may be privileged in a user namespace of his own, so what is configured there is limited:
 * it is memory that belongs to no process and cannot be swapped.
 */
static bool shreg_is_foreign(const struct shreg_environment *env)
{
	return env->user_ns != &init_user_ns;
}

static void shreg_region_free_ranges(struct shreg_range_list *list)
{
	unsigned long i;

	for (i = 0; list->at && i < list->count; i++)
		kfree(list->at[i].name);
	kvfree(list->at);
}

static void shreg_region_free_memory(struct shreg_region *region)
{
	unsigned long i;

	for (i = 0; region->tables && i < region->slots; i++)
		if (region->tables[i])
			shreg_table_free(region->tables[i]);
	for (i = 0; region->pages && i < region->slots; i++) {
		shreg_region_free_slot(region, i);
		cond_resched();
	}
	kvfree(region->tables);
	kvfree(region->entries);
	kvfree(region->pages);
	shreg_region_free_ranges(&region->ranges);
	shreg_region_free_ranges(&region->on_request);
}

static void shreg_region_free_work(struct work_struct *work)
{
	struct shreg_region *region = container_of(to_rcu_work(work), struct shreg_region, free);

	shreg_region_free_memory(region);
	mutex_lock(&shreg_lock);
	shreg_charged -= region->charge;
	mutex_unlock(&shreg_lock);
	shreg_environment_put(&region->env);
	kfree(region);
}

/*
 * Tables and pages may still be looked at by who has interrupts off or is in an RCU read-side
 * section and had found them before they left the last process: get_user_pages_fast() and the
 * like. So memory goes after a grace period.
 */
static void shreg_region_last_put(struct kref *ref)
{
	struct shreg_region *region = container_of(ref, struct shreg_region, ref);

	queue_rcu_work(shreg_wq, &region->free);
}

void shreg_region_put(struct shreg_region *region)
{
	kref_put(&region->ref, shreg_region_last_put);
}

/* shreg_lock held. Takes the region out of the list; the caller drops the list's reference. */
static void shreg_region_unlist(struct shreg_region *region)
{
	list_del_init(&region->link);
	smp_store_release(&region->state, SHREG_DEAD);	/* as in shreg_region_publish() */
	wake_up_all(&region->wait);
}

static void shreg_region_destroy_work(struct work_struct *work)
{
	struct shreg_region *region =
		container_of(to_delayed_work(work), struct shreg_region, destroy);
	bool unlisted = false;

	mutex_lock(&shreg_lock);
	/* If a user has come and gone since this work began, it is queued again and decides. */
	if (!region->users && !region->kept && region->state == SHREG_SEALED &&
	    !delayed_work_pending(&region->destroy)) {
		shreg_region_unlist(region);
		unlisted = true;
	}
	mutex_unlock(&shreg_lock);
	if (unlisted)
		shreg_region_put(region);
	shreg_region_put(region);	/* the work's: see shreg_region_destroy_after() */
}

/* Seconds. Nobody comes back to a region that was retired, or to a container that has ended. */
static unsigned int shreg_region_delay(const struct shreg_region *region)
{
	return region->retired || shreg_is_foreign(&region->env) ? 0 : READ_ONCE(destroy_delay);
}

/*
 * shreg_lock held. Work that is queued has a reference of its own: it can be queued again while it
 * runs, and the one that runs first may drop the list's.
 */
static void shreg_region_destroy_after(struct shreg_region *region, unsigned int seconds)
{
	if (!mod_delayed_work(shreg_wq, &region->destroy, seconds * HZ))
		kref_get(&region->ref);
}

/*
 * shreg_lock held. @memory: what the region will hold, in bytes; shreg_region_free_work() gives it
 * back.
 */
static int shreg_region_charge(struct shreg_region *region, u64 memory)
{
	u64 limit = (u64)READ_ONCE(user_namespaces_limit) << 20;

	if (!shreg_is_foreign(&region->env))
		return 0;
	if (shreg_charged > limit || memory > limit - shreg_charged)
		return -ENOSPC;
	region->charge = memory;
	shreg_charged += memory;
	return 0;
}

/* shreg_lock held. No reference is taken. */
static struct shreg_region *
shreg_region_find_configuring_locked(const struct shreg_environment *env)
{
	struct shreg_region *region;

	list_for_each_entry(region, &shreg_regions, link)
		if (shreg_region_configuring(region) && shreg_environment_equal(&region->env, env))
			return region;
	return NULL;
}

/* shreg_lock held. May another region of this environment be begun? */
static bool shreg_region_has_room_locked(const struct shreg_environment *env, bool replace)
{
	return replace ? !shreg_region_find_configuring_locked(env) :
			 !shreg_region_find_locked(env);
}

/*
 * A new region in state CONFIGURING with a reference for the caller. -EBUSY: the environment has
 * one, sealed or not (with @replace: one that is not sealed); -ENOSPC: @memory bytes are too much.
 */
struct shreg_region *shreg_region_alloc(const struct shreg_environment *env, u64 size, u64 memory,
					bool replace)
{
	struct shreg_region *region =
		shreg_may_fail(kzalloc(sizeof(*region), GFP_KERNEL_ACCOUNT), NULL);
	int ret = -EBUSY;

	if (!region)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&region->link);
	kref_init(&region->ref);
	init_waitqueue_head(&region->wait);
	INIT_DELAYED_WORK(&region->destroy, shreg_region_destroy_work);
	INIT_RCU_WORK(&region->free, shreg_region_free_work);
	region->state = SHREG_CONFIGURING;
	region->env = *env;
	path_get(&region->env.root);
	get_user_ns(region->env.user_ns);
	region->size = size;
	region->slots = size >> SHREG_SLOT_SHIFT;
	mutex_lock(&shreg_lock);
	if (shreg_region_has_room_locked(env, replace))
		ret = shreg_region_charge(region, memory);
	if (!ret) {
		kref_get(&region->ref);		/* the list's */
		list_add_tail(&region->link, &shreg_regions);
	}
	mutex_unlock(&shreg_lock);
	if (!ret)
		return region;
	shreg_region_put(region);
	return ERR_PTR(ret);
}

/*
 * shreg_lock held. No reference is taken. While one region replaces another, both are in the list:
 * the sealed one is the older, and comes first.
 */
struct shreg_region *shreg_region_find_locked(const struct shreg_environment *env)
{
	struct shreg_region *region;

	list_for_each_entry(region, &shreg_regions, link)
		if (!region->retired && shreg_environment_equal(&region->env, env))
			return region;
	return NULL;
}

/* The one that crashes retired last; otherwise likewise. */
struct shreg_region *shreg_region_find_reslide_locked(const struct shreg_environment *env)
{
	struct shreg_region *region;

	list_for_each_entry_reverse(region, &shreg_regions, link)
		if (region->reslide && shreg_environment_equal(&region->env, env))
			return region;
	return NULL;
}

/* shreg_lock held */
unsigned int shreg_region_reslide_count_locked(const struct shreg_environment *env)
{
	struct shreg_region *region;
	unsigned int count = 0;

	list_for_each_entry(region, &shreg_regions, link)
		count += region->reslide && shreg_environment_equal(&region->env, env);
	return count;
}

static int shreg_region_wait(struct shreg_region *region)
{
	return wait_event_killable(region->wait, !shreg_region_configuring(region));
}

/* Until nobody configures a region of this environment; whether it succeeds does not matter. */
int shreg_region_wait_for_configurator(const struct shreg_environment *env)
{
	struct shreg_region *region;
	int ret;

	mutex_lock(&shreg_lock);
	region = shreg_region_find_configuring_locked(env);
	if (region)
		kref_get(&region->ref);
	mutex_unlock(&shreg_lock);
	if (!region)
		return 0;
	ret = shreg_region_wait(region);
	shreg_region_put(region);
	return ret ? -EINTR : 0;
}

/* The environment's sealed region with a reference, or -ENOMEM as XNU has it. */
struct shreg_region *shreg_region_find_sealed(const struct shreg_environment *env, bool wait)
{
	struct shreg_region *region;
	int ret;

	for (;;) {
		mutex_lock(&shreg_lock);
		region = shreg_region_find_locked(env);
		if (region)
			kref_get(&region->ref);
		mutex_unlock(&shreg_lock);
		if (!region)
			return ERR_PTR(-ENOMEM);
		if (shreg_region_sealed(region))
			return region;
		ret = wait ? shreg_region_wait(region) : -EAGAIN;
		shreg_region_put(region);
		if (ret)
			return ERR_PTR(ret == -ERESTARTSYS ? -EINTR : ret);
		/* sealed, or the configurator failed and somebody else may try: look again */
	}
}

/*
 * The end of CONFIGURING: SEALED, or DEAD for one that failed. Wakes the waiters. A region that
 * this one replaces is retired.
 */
void shreg_region_publish(struct shreg_region *region, enum shreg_state state)
{
	struct shreg_region *replaced;

	mutex_lock(&shreg_lock);
	if (state == SHREG_SEALED) {
		replaced = shreg_region_find_locked(&region->env);
		if (replaced != region)
			shreg_region_retire_locked(replaced);
		region->sealed_at = ktime_get_ns();
		/*
		 * pairs with shreg_region_sealed(): all that was configured is visible before
		 * the state is
		 */
		smp_store_release(&region->state, SHREG_SEALED);
		wake_up_all(&region->wait);
	} else {
		shreg_region_unlist(region);
	}
	mutex_unlock(&shreg_lock);
	if (state == SHREG_DEAD)
		shreg_region_put(region);
}

static void shreg_close_list(struct shreg_range_list *list)
{
	unsigned long i;

	for (i = 0; i < list->count; i++) {
		if (list->at[i].file)
			fput(list->at[i].file);
		list->at[i].file = NULL;
	}
}

/* shreg_lock held. What processes map goes with the last of them and of their VMAs. */
static void shreg_region_close_files(struct shreg_region *region)
{
	shreg_close_list(&region->ranges);
	shreg_close_list(&region->on_request);
}

/*
 * What VMAs of @range map, made at the first use: a region may have hundreds of ranges. The caller
 * is a user of the region, so the file stays.
 */
struct file *shreg_region_file(struct shreg_region *region, struct shreg_range *range)
{
	struct file *file = smp_load_acquire(&range->file);	/* pairs with the release below */

	if (file)
		return file;
	mutex_lock(&shreg_lock);
	file = range->file;
	if (!file) {
		file = shreg_fs_file(region, range);
		if (!IS_ERR(file))
			smp_store_release(&range->file, file);	/* the file before the pointer */
	}
	mutex_unlock(&shreg_lock);
	return file;
}

/*
 * The caller of shreg_region_use() holds a reference that this makes one more of, until unuse.
 * -EIDRM: it was destroyed meanwhile, look again.
 */
int shreg_region_use(struct shreg_region *region, bool attach)
{
	int ret = -EIDRM;

	mutex_lock(&shreg_lock);
	if (region->state == SHREG_SEALED) {
		ret = 0;
		kref_get(&region->ref);
		region->users++;
		region->attached += attach;
	}
	mutex_unlock(&shreg_lock);
	return ret;
}

void shreg_region_unuse(struct shreg_region *region, bool attach)
{
	mutex_lock(&shreg_lock);
	region->attached -= attach;
	if (!--region->users) {
		/*
		 * The files go with the last user, so that an idle region does not keep the
		 * module. VMAs that are being torn down still hold them, and by them the region.
		 */
		shreg_region_close_files(region);
		if (region->state == SHREG_SEALED && !region->kept)
			shreg_region_destroy_after(region, shreg_region_delay(region));
	}
	mutex_unlock(&shreg_lock);
	shreg_region_put(region);
}

/*
 * From here on the region needs no user, until it is retired. The caller is one. Again, or too
 * late, is harmless.
 */
void shreg_region_keep(struct shreg_region *region)
{
	mutex_lock(&shreg_lock);
	region->kept |= !region->retired;
	mutex_unlock(&shreg_lock);
}

/* shreg_lock held, the region sealed and not retired: nobody finds it any more. */
void shreg_region_retire_locked(struct shreg_region *region)
{
	region->retired = true;
	region->kept = false;
	if (!region->users)
		shreg_region_destroy_after(region, 0);
}

/* @uuid: only if it has this one, or NULL. */
int shreg_region_retire(const struct shreg_environment *env, const u8 *uuid)
{
	struct shreg_region *region;
	int ret = 0;

	mutex_lock(&shreg_lock);
	region = shreg_region_find_locked(env);
	if (!region || !shreg_region_sealed(region))
		ret = -ENOENT;
	else if (uuid && memcmp(uuid, region->uuid, sizeof(region->uuid)))
		ret = -ESTALE;
	else
		shreg_region_retire_locked(region);
	mutex_unlock(&shreg_lock);
	return ret;
}

/* The last range that begins at or before @offset, else the first one. The list is not empty. */
static const struct shreg_range *shreg_range_before(const struct shreg_range_list *list, u64 offset)
{
	unsigned long low = 0, high = list->count;

	while (high - low > 1) {
		unsigned long middle = low + (high - low) / 2;

		if (list->at[middle].offset <= offset)
			low = middle;
		else
			high = middle;
	}
	return &list->at[low];
}

/* The range that holds @offset; the ranges are sorted and have no gaps. */
const struct shreg_range *shreg_region_range_at(const struct shreg_region *region, u64 offset)
{
	return shreg_range_before(&region->ranges, offset);
}

/* Is a page in [@offset, @end) mapped on request? */
bool shreg_region_is_on_request(const struct shreg_region *region, u64 offset, u64 end)
{
	const struct shreg_range *range;

	if (!region->on_request.count)
		return false;
	/* of those that begin before @end, the last one ends last */
	range = shreg_range_before(&region->on_request, end - 1);
	return range->offset < end && range->offset + range->size > offset;
}

void shreg_region_for_each(void (*visit)(struct shreg_region *region, void *data), void *data)
{
	struct shreg_region *region;

	mutex_lock(&shreg_lock);
	list_for_each_entry(region, &shreg_regions, link)
		visit(region, data);
	mutex_unlock(&shreg_lock);
}

/* Unload: nobody can come any more. */
void shreg_regions_exit(void)
{
	struct shreg_region *region, *next;
	LIST_HEAD(dead);

	mutex_lock(&shreg_lock);
	list_for_each_entry_safe(region, next, &shreg_regions, link) {
		shreg_region_unlist(region);
		list_add(&region->link, &dead);
	}
	mutex_unlock(&shreg_lock);
	list_for_each_entry_safe(region, next, &dead, link) {
		list_del_init(&region->link);
		if (cancel_delayed_work_sync(&region->destroy))
			shreg_region_put(region);
		shreg_region_put(region);
	}
}
