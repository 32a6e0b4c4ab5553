// SPDX-License-Identifier: GPL-2.0-only
/*
 * Load and unload: refuses machines and kernels where sharing page tables is not known to be right,
 * then offers /dev/shared_region.
 */
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <asm/cpufeature.h>

#include "compat.h"
#include "region.h"

/*
 * DESIGN.md section 7, rule 8: these keep books about page tables that shared tables would break.
 */
#ifdef CONFIG_PAGE_TABLE_CHECK
#error "shared_region cannot work with CONFIG_PAGE_TABLE_CHECK: pages belong to many processes"
#endif
#if SHREG_PTLOCK_ALLOCATED
#error "shared_region needs page-table locks in struct page (docs/testing.md, lockdep.config)"
#endif
#ifndef CONFIG_X86_64
#error "shared_region knows x86-64 page tables only"
#endif

struct workqueue_struct *shreg_wq;

static const struct file_operations shreg_device_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = shreg_ioctl,
	.compat_ioctl = shreg_ioctl,
	.open = shreg_open,
	.release = shreg_release,
	.llseek = noop_llseek,
};

static struct miscdevice shreg_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "shared_region",
	.fops = &shreg_device_fops,
	.mode = 0666,
};

static int __init shreg_init(void)
{
	int ret;

	if (cpu_feature_enabled(X86_FEATURE_XENPV)) {
		pr_err("shared_region: not loaded: Xen PV guests write page tables through the hypervisor\n");
		return -ENODEV;
	}
	shreg_wq = alloc_workqueue("shared_region", 0, 0);
	if (!shreg_wq)
		return -ENOMEM;
	ret = shreg_nest_init();
	if (ret)
		goto err_wq;
	ret = shreg_fs_init();
	if (ret)
		goto err_nest;
	ret = misc_register(&shreg_device);
	if (ret)
		goto err_fs;
	shreg_stats_init();
	shreg_crash_init();
	return 0;

err_fs:
	shreg_fs_exit();
err_nest:
	shreg_nest_exit();
err_wq:
	destroy_workqueue(shreg_wq);
	return ret;
}

static void __exit shreg_exit(void)
{
	/*
	 * No file of the device and no VMA is left: both hold a reference to the module. So the
	 * regions that remain wait for their delayed destruction only.
	 */
	misc_deregister(&shreg_device);
	shreg_crash_exit();
	shreg_interpreters_exit();
	shreg_stats_exit();
	shreg_regions_exit();
	rcu_barrier();	/* regions that wait for their grace period have queued their work then */
	destroy_workqueue(shreg_wq);	/* regions and interpreters on their way out are out now */
	shreg_fs_exit();
	shreg_nest_exit();
}

module_init(shreg_init);
module_exit(shreg_exit);
MODULE_DESCRIPTION("Shared region of pre-bound libraries, with page tables shared between processes");
MODULE_AUTHOR("The sharedregion authors");
MODULE_VERSION("0.1");
MODULE_LICENSE("GPL");
