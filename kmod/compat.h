/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The only place that knows kernel versions. Supported: 6.1 to 6.12.
 */
#ifndef SHREG_COMPAT_H
#define SHREG_COMPAT_H

#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/pfn_t.h>
#include <linux/sched.h>
#include <linux/version.h>
#include <linux/xattr.h>
#include <asm/pgalloc.h>

#if KERNEL_VERSION(6, 1, 0) > LINUX_VERSION_CODE || KERNEL_VERSION(6, 13, 0) <= LINUX_VERSION_CODE
#error "shared_region is known to be right on Linux 6.1 to 6.12 only: it shares page tables"
#endif

#if KERNEL_VERSION(6, 3, 0) > LINUX_VERSION_CODE
static inline void vm_flags_set(struct vm_area_struct *vma, unsigned long flags)
{
	vma->vm_flags |= flags;
}

static inline void vm_flags_clear(struct vm_area_struct *vma, unsigned long flags)
{
	vma->vm_flags &= ~flags;
}
#endif

/*
 * Split page-table locks that do not fit into struct page need ptlock_alloc(), which is not
 * exported.
 */
#if KERNEL_VERSION(6, 12, 0) > LINUX_VERSION_CODE
#define SHREG_PTLOCK_ALLOCATED	(USE_SPLIT_PTE_PTLOCKS && ALLOC_SPLIT_PTLOCKS)
#else
#define SHREG_PTLOCK_ALLOCATED	(IS_ENABLED(CONFIG_SPLIT_PTE_PTLOCKS) && ALLOC_SPLIT_PTLOCKS)
#endif

/* The caller's executable, or NULL. */
static inline struct file *shreg_current_exe_file(void)
{
	struct file *file;

	rcu_read_lock();
#if KERNEL_VERSION(6, 7, 0) > LINUX_VERSION_CODE
	file = rcu_dereference(current->mm->exe_file);
	if (file && !get_file_rcu(file))
		file = NULL;
#else
	file = get_file_rcu(&current->mm->exe_file);
#endif
	rcu_read_unlock();
	return file;
}

static inline ssize_t shreg_get_xattr(struct file *file, const char *name, void *value, size_t size)
{
	return __vfs_getxattr(file_dentry(file), file_inode(file), name, value, size);
}

static inline bool shreg_pmd_is_leaf(pmd_t pmd)
{
#if KERNEL_VERSION(6, 9, 0) > LINUX_VERSION_CODE
	return pmd_large(pmd);
#else
	return pmd_leaf(pmd);
#endif
}

/* Keeps GUP-fast and vm_normal_page_pmd() away from a leaf. Before 6.12 there is no such bit. */
#if KERNEL_VERSION(6, 12, 0) > LINUX_VERSION_CODE
static inline pmd_t pmd_mkspecial(pmd_t pmd)
{
	return pmd;
}
#endif

/* ctime of a file as a number that changes whenever the file does */
static inline u64 shreg_ctime(const struct inode *inode)
{
#if KERNEL_VERSION(6, 6, 0) > LINUX_VERSION_CODE
	return (u64)inode->i_ctime.tv_sec * NSEC_PER_SEC + inode->i_ctime.tv_nsec;
#else
	struct timespec64 t = inode_get_ctime(inode);

	return (u64)t.tv_sec * NSEC_PER_SEC + t.tv_nsec;
#endif
}

#endif /* SHREG_COMPAT_H */
