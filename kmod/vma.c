// SPDX-License-Identifier: GPL-2.0-only
/*
 * A region's VMAs: the pseudo file that they map, their operations, and page faults in them.
 *
 * VM_PFNMAP, as the pages are the region's and no business of rmap and LRU; copies that a process
 * wrote are ordinary anonymous pages. No ->huge_fault and no ->map_pages: so ->fault never runs
 * under the VMA's lock alone.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pseudo_fs.h>

#include "compat.h"
#include "region.h"

#define SHREG_FS_MAGIC		0x73687267	/* "shrg" */
#define SHREG_FAULT_AROUND	(64UL << 10)

static struct vfsmount *shreg_mount;

/* The region of a VMA, NULL for foreign ones. */
struct shreg_region *shreg_vma_region(const struct vm_area_struct *vma)
{
	return vma->vm_ops == &shreg_vm_ops ? vma->vm_file->private_data : NULL;
}

/* What a VMA of a region maps, or a part of: it has a file of its own. */
static const struct shreg_range *shreg_vma_range(const struct vm_area_struct *vma)
{
	return file_inode(vma->vm_file)->i_private;
}

/*
 * The region's page for @addr; NULL in fillers, and in a VMA that mremap() moved before it was
 * refused and could not move back.
 */
struct page *shreg_vma_page(const struct vm_area_struct *vma, unsigned long addr)
{
	const struct shreg_region *region = shreg_vma_region(vma);

	if (region->base + (vma->vm_pgoff << PAGE_SHIFT) != vma->vm_start)
		return NULL;
	return shreg_page_at(region, addr);
}

static void shreg_vma_open(struct vm_area_struct *vma)
{
	struct shreg_attach *attach = vma->vm_private_data;

	if (!attach)
		return;
	if (attach->mm == vma->vm_mm)
		refcount_inc(&attach->refs);
	else
		vma->vm_private_data = shreg_attach_fork(attach, vma->vm_mm);
}

static void shreg_vma_close(struct vm_area_struct *vma)
{
	if (vma->vm_private_data)
		shreg_attach_put(vma->vm_private_data);
}

static vm_fault_t shreg_insert(struct vm_area_struct *vma, unsigned long addr, struct page *page)
{
	/* vmf_insert_pfn() BUGs on a private writable VM_PFNMAP (rule 4) */
	return vmf_insert_mixed(vma, addr, __pfn_to_pfn_t(page_to_pfn(page), PFN_SPECIAL));
}

/*
 * Entries of the process's own table, for this page and, as they cost little then, its neighbours.
 */
static vm_fault_t shreg_insert_around(struct vm_fault *vmf, struct shreg_region *region)
{
	struct vm_area_struct *vma = vmf->vma;
	unsigned long window = vmf->address & ~(SHREG_FAULT_AROUND - 1);
	unsigned long addr = max(window, vma->vm_start);
	unsigned long end = min(window + SHREG_FAULT_AROUND, vma->vm_end);
	vm_fault_t ret =
		shreg_insert(vma, vmf->address & PAGE_MASK, shreg_page_at(region, vmf->address));

	for (; addr < end && ret == VM_FAULT_NOPAGE; addr += PAGE_SIZE)
		if (shreg_page_at(region, addr))
			ret = shreg_insert(vma, addr, shreg_page_at(region, addr));
	return ret;
}

static vm_fault_t shreg_vma_fault(struct vm_fault *vmf)
{
	struct shreg_region *region = shreg_vma_region(vmf->vma);
	struct shreg_attach *attach = vmf->vma->vm_private_data;
	struct page *page = shreg_vma_page(vmf->vma, vmf->address);

	if (!page)
		return VM_FAULT_SIGBUS;
	if (attach) {
		if (shreg_nest(attach, vmf))
			return VM_FAULT_NOPAGE;
		/* From here on the slot is private: nobody may nest it while we fill it. */
		if (pmd_none(*vmf->pmd))
			shreg_leave(attach, vmf->address, vmf->address + 1, SHREG_DETACH, true);
	}
	atomic64_inc(&region->counters.private_faults);
	if (vmf->flags & FAULT_FLAG_WRITE) {
		/* do_cow_fault() copies it and puts it back */
		get_page(page);
		vmf->page = page;
		return 0;
	}
	return shreg_insert_around(vmf, region);
}

/*
 * The pages have fixed rights: nothing gets more than it was configured with. VM_MAYWRITE stays set
 * on text, as debuggers write to it (rule 5) and fork asks is_cow_mapping(); that is why the
 * refusal is here.
 */
static int shreg_vma_mprotect(struct vm_area_struct *vma, unsigned long start, unsigned long end,
			      unsigned long newflags)
{
	unsigned int prot = shreg_vma_range(vma)->prot;

	if (((newflags & VM_READ) && !prot) || ((newflags & VM_WRITE) && !(prot & PROT_WRITE)) ||
	    ((newflags & VM_EXEC) && !(prot & PROT_EXEC)))
		return -EACCES;
	/* The protection key is a part of the entries, too. */
	if (!((newflags ^ vma->vm_flags) & VM_ACCESS_FLAGS) &&
	    pgprot_val(vm_get_page_prot(newflags)) == pgprot_val(vm_get_page_prot(vma->vm_flags)))
		return 0;
	/* The notifier comes only where page tables exist (rule 3). */
	if (vma->vm_private_data)
		shreg_leave(vma->vm_private_data, start, end, SHREG_UNNEST, true);
	return 0;
}

/* The content is bound to its address. */
static int shreg_vma_mremap(struct vm_area_struct *vma)
{
	return -EINVAL;
}

const struct vm_operations_struct shreg_vm_ops = {
	.open = shreg_vma_open,
	.close = shreg_vma_close,
	.fault = shreg_vma_fault,
	.mprotect = shreg_vma_mprotect,
	.mremap = shreg_vma_mremap,
	.access = shreg_vma_access,
};

static bool shreg_is_in_range(const struct vm_area_struct *vma, const struct shreg_range *range)
{
	u64 offset = (u64)vma->vm_pgoff << PAGE_SHIFT;

	return offset >= range->offset &&
	       offset + (vma->vm_end - vma->vm_start) <= range->offset + range->size;
}

/* Only from shreg_attach_current(): a piece of one range, at its place. */
static int shreg_file_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct shreg_region *region = file->private_data;
	const struct shreg_range *range = shreg_vma_range(vma);
	struct shreg_attach *attach;

	if ((vma->vm_flags & VM_SHARED) || !shreg_is_in_range(vma, range) ||
	    region->base + (vma->vm_pgoff << PAGE_SHIFT) != vma->vm_start)
		return -EINVAL;
	attach = shreg_attach_of(vma->vm_mm);
	if (!attach)
		return -EINVAL;
	if (attach->region != region || READ_ONCE(attach->state) != SHREG_ATTACHING) {
		shreg_attach_put(attach);
		return -EINVAL;
	}
	vma->vm_private_data = attach;
	vma->vm_ops = &shreg_vm_ops;
	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND);
	/*
	 * personality READ_IMPLIES_EXEC: the shared entries have NX, and the fault would repeat for
	 * ever. Without VM_MAYEXEC mprotect(PROT_READ) implies nothing either.
	 */
	if (!(range->prot & PROT_EXEC))
		vm_flags_clear(vma, VM_EXEC | VM_MAYEXEC);
	return 0;
}

static int shreg_file_release(struct inode *inode, struct file *file)
{
	shreg_region_put(file->private_data);
	return 0;
}

const struct file_operations shreg_region_fops = {
	.owner = THIS_MODULE,
	.mmap = shreg_file_mmap,
	.release = shreg_file_release,
};

/* A file for a range of the region, with a reference to the region and to the module. */
struct file *shreg_fs_file(struct shreg_region *region, struct shreg_range *range)
{
	struct inode *inode = shreg_may_fail(alloc_anon_inode(shreg_mount->mnt_sb),
					     ERR_PTR(-ENOMEM));
	char name[64 + SHARED_REGION_NAME_MAX + 12];
	struct file *file;

	if (IS_ERR(inode))
		return ERR_CAST(inode);
	snprintf(name, sizeof(name), "shared_region:%pUb%s%s", region->uuid,
		 range->name ? "/" : "", range->name ?: "");
	/*
	 * alloc_file_pseudo() takes no reference to the module, but the last fput() drops one (rule
	 * 7)
	 */
	__module_get(THIS_MODULE);
	file = shreg_may_fail(alloc_file_pseudo(inode, shreg_mount, name, O_RDONLY,
						&shreg_region_fops), ERR_PTR(-ENOMEM));
	if (IS_ERR(file)) {
		iput(inode);
		module_put(THIS_MODULE);
		return file;
	}
	kref_get(&region->ref);
	file->private_data = region;
	inode->i_private = range;	/* of the region: lives as long */
	return file;
}

/* What maps shows: the name alone. It never changes, so there is nothing to lock. */
static char *shreg_dname(struct dentry *dentry, char *buffer, int length)
{
	int size = dentry->d_name.len + 1;

	if (size > length)
		return ERR_PTR(-ENAMETOOLONG);
	return memcpy(buffer + length - size, dentry->d_name.name, size);
}

static const struct dentry_operations shreg_dentry_operations = {
	.d_dname = shreg_dname,
};

static int shreg_fs_init_context(struct fs_context *fc)
{
	struct pseudo_fs_context *context = init_pseudo(fc, SHREG_FS_MAGIC);

	if (!context)
		return -ENOMEM;
	context->dops = &shreg_dentry_operations;
	return 0;
}

/* owner stays NULL: our own mount would make rmmod impossible (rule 7) */
static struct file_system_type shreg_fs_type = {
	.name = "shared_region",
	.init_fs_context = shreg_fs_init_context,
	.kill_sb = kill_anon_super,
};

int shreg_fs_init(void)
{
	shreg_mount = kern_mount(&shreg_fs_type);
	if (IS_ERR(shreg_mount))
		return PTR_ERR(shreg_mount);
	shreg_mount->mnt_sb->s_iflags &= ~SB_I_NOEXEC;	/* else no PROT_EXEC mapping */
	return 0;
}

void shreg_fs_exit(void)
{
	kern_unmount(shreg_mount);
}
