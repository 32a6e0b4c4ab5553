/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the module's files share: an environment's key, a region, a process's attachment to it.
 *
 * Lock order (outer first): mmap_lock of a process; shreg_lock; shreg_attach_lock; pmd lock. No
 * lock of ours is held while mmap_lock is taken.
 */
#ifndef SHREG_REGION_H
#define SHREG_REGION_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mman.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/path.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "linux/shared_region.h"

#define SHREG_SLOT_SHIFT	PMD_SHIFT
#define SHREG_SLOT_SIZE		PMD_SIZE
#define SHREG_TEAM_MAX		64

/*
 * Where regions lie: above executables and their heaps, below every mmap_base, whatever
 * vm.mmap_rnd_bits is (up to 32; modules cannot read it), and beside what AddressSanitizer maps
 * over whatever is there. 22 random bits. docs/decisions/0010 has the same area for the file
 * backend.
 */
#define SHREG_BASE_LOW	0x660000000000UL
#define SHREG_BASE_HIGH	0x6f8000000000UL

struct user_namespace;

/* environment.c: which region a caller means */
struct shreg_environment {
	struct path root;
	struct user_namespace *user_ns;
	unsigned int cpu_level;
	bool compat;
	char team[SHREG_TEAM_MAX];	/* padded with zeros */
};

int shreg_environment_of_current(struct shreg_environment *env);
void shreg_environment_put(struct shreg_environment *env);
bool shreg_environment_equal(const struct shreg_environment *a, const struct shreg_environment *b);

enum shreg_state {
	SHREG_CONFIGURING,
	SHREG_SEALED,
	SHREG_DEAD,		/* not in the list any more */
};

/* What processes map in one VMA, or in several, as parts of it are left out or are on request. */
struct shreg_range {
	u64 offset;
	u64 size;
	unsigned int prot;	/* PROT_*; 0: filler, nothing behind it */
	char *name;		/* for /proc/PID/maps, or NULL */
	struct file *file;	/* shreg_lock: what its VMAs map; NULL if unused */
};

/* Sorted, disjoint. */
struct shreg_range_list {
	struct shreg_range *at;
	unsigned long count;
};

/* Counters for QUERY and debugfs. */
struct shreg_counters {
	atomic64_t attaches;
	atomic64_t nests;
	atomic64_t unnests;
	atomic64_t detaches;
	atomic64_t hides;
	atomic64_t flushes;
	atomic64_t private_faults;
};

/*
 * A region. Fields from env on, but for the files of the ranges and the counters, are written by
 * the configurator alone and read only after it is SEALED (state is released and acquired), so
 * they need no lock.
 */
struct shreg_region {
	struct list_head link;		/* shreg_lock */
	struct kref ref;		/* the list, the file, whoever works with it */
	enum shreg_state state;		/* written under shreg_lock */
	unsigned int users;		/* shreg_lock: attachments and configurators' fds */
	unsigned int attached;		/* shreg_lock: attachments */
	unsigned int crashes;		/* shreg_lock: processes that crashed in it */
	bool retired;			/* shreg_lock: sealed, but nobody finds it any more */
	bool reslide;			/* shreg_lock: retired because of crashes */
	bool kept;			/* shreg_lock: stays without users until it is retired */
	wait_queue_head_t wait;		/* for the end of CONFIGURING */
	struct delayed_work destroy;
	struct rcu_work free;

	struct shreg_environment env;
	u64 charge;			/* bytes that count against user_namespaces_limit */
	u8 uuid[SHARED_REGION_UUID_SIZE];
	u8 digest[SHARED_REGION_SHA256_SIZE];	/* of the request, to know an identical one */
	unsigned long base;
	u64 slide;
	u64 size;
	u64 sealed_at;			/* ktime_get_ns() */
	unsigned long slots;
	unsigned long page_count;	/* pages that are not NULL */
	struct page **pages;		/* size / PAGE_SIZE; NULL in fillers */
	pmd_t *entries;			/* slots: what a process's PMD entry gets; none: nothing */
	struct page **tables;		/* slots; NULL: nothing in it, or a leaf */
	unsigned long table_count;
	unsigned long leaf_count;
	struct shreg_range_list ranges;		/* cover the region from end to end */
	struct shreg_range_list on_request;	/* writable for who asks, else as in ranges */

	struct shreg_counters counters;
};

extern struct mutex shreg_lock;
extern struct workqueue_struct *shreg_wq; /* all of the module's work: gone before its code is */

/* region.c */
struct shreg_region *shreg_region_alloc(const struct shreg_environment *env, u64 size, u64 memory,
					bool replace);
void shreg_region_put(struct shreg_region *region);
struct shreg_region *shreg_region_find_locked(const struct shreg_environment *env);
struct shreg_region *shreg_region_find_reslide_locked(const struct shreg_environment *env);
unsigned int shreg_region_reslide_count_locked(const struct shreg_environment *env);
void shreg_region_retire_locked(struct shreg_region *region);
int shreg_region_retire(const struct shreg_environment *env, const u8 *uuid);
void shreg_region_keep(struct shreg_region *region);
struct shreg_region *shreg_region_find_sealed(const struct shreg_environment *env, bool wait);
int shreg_region_wait_for_configurator(const struct shreg_environment *env);
void shreg_region_publish(struct shreg_region *region, enum shreg_state state);
struct file *shreg_region_file(struct shreg_region *region, struct shreg_range *range);
int shreg_region_use(struct shreg_region *region, bool attach);
void shreg_region_unuse(struct shreg_region *region, bool attach);
const struct shreg_range *shreg_region_range_at(const struct shreg_region *region, u64 offset);
bool shreg_region_is_on_request(const struct shreg_region *region, u64 offset, u64 end);
void shreg_region_for_each(void (*visit)(struct shreg_region *region, void *data), void *data);
void shreg_regions_exit(void);

static inline bool shreg_region_sealed(const struct shreg_region *region)
{
	/* pairs with the release in shreg_region_publish() */
	return smp_load_acquire(&region->state) == SHREG_SEALED;
}

static inline bool shreg_region_configuring(const struct shreg_region *region)
{
	/* pairs with the same */
	return smp_load_acquire(&region->state) == SHREG_CONFIGURING;
}

/* configure.c */
struct shreg_region *shreg_configure(const struct shreg_environment *env,
				     const struct shared_region_map_and_slide *arg);

enum shreg_attach_state {
	SHREG_ATTACHING,	/* a thread is mapping the ranges */
	SHREG_ATTACHED,
	SHREG_ATTACH_FAILED,
};

/*
 * A process (address space) that is attached. Every VMA of the region holds a reference;
 * vm_private_data points here, or is NULL after a fork that could not set one up: such a process
 * gets ordinary private tables.
 */
struct shreg_attach {
	struct mmu_interval_notifier notifier;
	struct hlist_node node;		/* shreg_attach_lock */
	struct mm_struct *mm;		/* not owned: the VMAs do not outlive it */
	struct shreg_region *region;	/* one use of it */
	refcount_t refs;
	int state; /* enum shreg_attach_state; waited for with wait_var_event() */
	bool crashed;			/* has been counted; xchg() */
	bool notified;			/* notifier is registered: nesting is allowed */
	unsigned long end;		/* nothing of the region is mapped from here on */
	unsigned long *private; /* slots never to be nested (again); changed under the pmd lock */
	unsigned long *cached;		/* slots that a CPU may have cached as nested; likewise */
	unsigned long bits[];
};

/* partial.c: which parts of a region a process wants, and in what pieces they are mapped */
struct shreg_part {
	bool sparse;		/* without fillers */
	u64 limit;
	struct shared_region_request *requests;
	u32 request_count;
};

struct shreg_cursor {
	const struct shreg_region *region;
	const struct shreg_part *part;
	u64 offset;		/* everything before has been mapped or left out */
	unsigned long range;	/* in region->ranges */
	unsigned long extent;	/* in region->on_request */
	u32 request;		/* in part->requests */
};

struct shreg_mapping {
	u64 offset;
	u64 size;
	struct shreg_range *range;
};

int shreg_part_read(struct shreg_part *part, const struct shared_region_check *check);
void shreg_part_free(struct shreg_part *part);
int shreg_part_check(const struct shreg_part *part, const struct shreg_region *region);
u64 shreg_part_end(const struct shreg_part *part, const struct shreg_region *region);
bool shreg_next_mapping(struct shreg_cursor *cursor, struct shreg_mapping *mapping);

/* attach.c */
int shreg_attach_current(struct shreg_region *region, const struct shreg_part *part, bool eager);
struct shreg_attach *shreg_attach_of(struct mm_struct *mm);
struct shreg_attach *shreg_attach_of_current(void);
struct shreg_attach *shreg_attach_fork(struct shreg_attach *parent, struct mm_struct *mm);
void shreg_attach_put(struct shreg_attach *attach);

/* placeholder.c */
void shreg_placeholder_map(void);
void shreg_placeholder_unmap(struct shreg_region *region);

/* vma.c */
extern const struct vm_operations_struct shreg_vm_ops;
extern const struct file_operations shreg_region_fops;
struct shreg_region *shreg_vma_region(const struct vm_area_struct *vma);
struct page *shreg_vma_page(const struct vm_area_struct *vma, unsigned long addr);
int shreg_fs_init(void);
void shreg_fs_exit(void);
struct file *shreg_fs_file(struct shreg_region *region, struct shreg_range *range);

/* access.c */
int shreg_vma_access(struct vm_area_struct *vma, unsigned long addr, void *buf, int len, int write);

/* nest.c */
enum shreg_leave {
	SHREG_UNNEST,	/* keep the content: a private copy of the table */
	SHREG_DETACH,	/* drop the entry; the fault handler fills in page by page */
	SHREG_HIDE,	/* drop the entry; the next fault nests again */
	SHREG_END,	/* drop the entry; nobody runs in this mm any more */
};

bool shreg_nest(struct shreg_attach *attach, struct vm_fault *vmf);
void shreg_leave(struct shreg_attach *attach, unsigned long start, unsigned long end,
		 enum shreg_leave how, bool may_reclaim);
void shreg_leave_unmapped(struct shreg_attach *attach, unsigned long start, unsigned long end);
int shreg_nest_init(void);
void shreg_nest_exit(void);

/* page_table.c */
struct page *shreg_table_alloc(gfp_t gfp);
void shreg_table_free(struct page *table);
pmd_t *shreg_pmd_at(struct mm_struct *mm, unsigned long addr);
pmd_t shreg_table_entry(struct page *table);
bool shreg_pmd_is_nested(pmd_t pmd, pmd_t entry);
int shreg_build_tables(struct shreg_region *region);

/* large_page.c */
void shreg_large_pages_alloc(struct shreg_region *region);
struct page *shreg_large_page(const struct shreg_region *region, unsigned long slot);
void shreg_large_page_free(struct page *head);

/* fail.c: allocations that fail on demand */
extern atomic_t shreg_fail_nth;
bool shreg_fail_counted(void);
#define shreg_may_fail(allocation, failure) \
	(unlikely(atomic_read(&shreg_fail_nth)) && shreg_fail_counted() ? (failure) : (allocation))

/* flush.c */
void shreg_flush_mm(struct shreg_region *region, struct mm_struct *mm);

/* notifier.c */
extern const struct mmu_interval_notifier_ops shreg_notifier_ops;

/* ioctl.c */
long shreg_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
int shreg_open(struct inode *inode, struct file *file);
int shreg_release(struct inode *inode, struct file *file);

/* interpreter.c */
int shreg_interpreter_set(struct file *file, struct shared_region_interpreter *arg);
int shreg_interpreter_clear(struct shared_region_interpreter *arg);
int shreg_interpreter_query(struct shared_region_interpreter *arg);
void shreg_interpreters_release(const struct file *file);
void shreg_interpreters_exit(void);

/* crash.c */
void shreg_crash_init(void);
void shreg_crash_exit(void);

/* stats.c */
void shreg_stats_init(void);
void shreg_stats_exit(void);

static inline unsigned long shreg_slot_of(const struct shreg_region *region, unsigned long addr)
{
	return (addr - region->base) >> SHREG_SLOT_SHIFT;
}

static inline unsigned long shreg_slot_address(const struct shreg_region *region,
					       unsigned long slot)
{
	return region->base + (slot << SHREG_SLOT_SHIFT);
}

static inline struct page *shreg_page_at(const struct shreg_region *region, unsigned long addr)
{
	return region->pages[(addr - region->base) >> PAGE_SHIFT];
}

#endif /* SHREG_REGION_H */
