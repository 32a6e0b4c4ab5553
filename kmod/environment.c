// SPDX-License-Identifier: GPL-2.0-only
/*
 * The environment of the caller: the key by which processes share a region.
 */
#include <linux/compat.h>
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/fs_struct.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/user_namespace.h>
#include <linux/xattr.h>
#include <asm/cpufeature.h>

#include "compat.h"
#include "region.h"

/*
 * x86-64 psABI level. One machine has one; it is in the key so that the key says all that the
 * content depends on.
 */
static unsigned int shreg_cpu_level(void)
{
	static const u16 v2[] = { X86_FEATURE_CX16, X86_FEATURE_LAHF_LM, X86_FEATURE_POPCNT,
				  X86_FEATURE_XMM3, X86_FEATURE_XMM4_1, X86_FEATURE_XMM4_2,
				  X86_FEATURE_SSSE3 };
	static const u16 v3[] = { X86_FEATURE_AVX,  X86_FEATURE_AVX2, X86_FEATURE_BMI1,
				  X86_FEATURE_BMI2, X86_FEATURE_F16C, X86_FEATURE_FMA,
				  X86_FEATURE_ABM,  X86_FEATURE_MOVBE };
	static const u16 v4[] = { X86_FEATURE_AVX512F, X86_FEATURE_AVX512BW, X86_FEATURE_AVX512CD,
				  X86_FEATURE_AVX512DQ, X86_FEATURE_AVX512VL };
	int i;

	for (i = 0; i < ARRAY_SIZE(v2); i++)
		if (!boot_cpu_has(v2[i]))
			return 1;
	for (i = 0; i < ARRAY_SIZE(v3); i++)
		if (!boot_cpu_has(v3[i]))
			return 2;
	for (i = 0; i < ARRAY_SIZE(v4); i++)
		if (!boot_cpu_has(v4[i]))
			return 3;
	return 4;
}

/*
 * Whether an attribute of this file was written with privilege. Not so on a nosuid mount (FUSE),
 * and in a file system that a user namespace has mounted, seen from outside of it. And the owner of
 * a file can write security.* where the BPF LSM is on (6.1: its hook says yes, and the capability
 * is not asked for any more).
 */
static bool shreg_team_is_trusted(const struct file *exe)
{
	const struct inode *inode = file_inode(exe);

	return !(exe->f_path.mnt->mnt_flags & MNT_NOSUID) &&
	       current_in_userns(inode->i_sb->s_user_ns) &&
	       (uid_eq(inode->i_uid, GLOBAL_ROOT_UID) ||
		uid_eq(inode->i_uid, make_kuid(current_user_ns(), 0)));
}

/* The team that the executable belongs to: its extended attribute. */
static int shreg_team_of_current(char team[SHREG_TEAM_MAX])
{
	struct file *exe = shreg_current_exe_file();
	ssize_t length;

	memset(team, 0, SHREG_TEAM_MAX);
	if (!exe)
		return 0;
	if (!shreg_team_is_trusted(exe)) {
		fput(exe);
		return 0;
	}
	length = shreg_get_xattr(exe, SHARED_REGION_TEAM_XATTR, team, SHREG_TEAM_MAX);
	fput(exe);
	if (length == -ENODATA || length == -EOPNOTSUPP) {
		memset(team, 0, SHREG_TEAM_MAX);
		return 0;
	}
	return length < 0 ? length : 0;
}

int shreg_environment_of_current(struct shreg_environment *env)
{
	int ret = shreg_team_of_current(env->team);

	if (ret)
		return ret;
	env->cpu_level = shreg_cpu_level();
	env->compat = in_compat_syscall();
	get_fs_root(current->fs, &env->root);
	env->user_ns = get_user_ns(current_user_ns());
	return 0;
}

void shreg_environment_put(struct shreg_environment *env)
{
	put_user_ns(env->user_ns);
	path_put(&env->root);
}

/*
 * The root is the directory: a mount namespace that has the same one shares the region, as it does
 * the libraries. What is mounted over them there is the business of who starts programs: the region
 * is no other for it.
 */
bool shreg_environment_equal(const struct shreg_environment *a, const struct shreg_environment *b)
{
	return a->root.dentry == b->root.dentry && a->user_ns == b->user_ns &&
	       a->compat == b->compat && a->cpu_level == b->cpu_level &&
	       !memcmp(a->team, b->team, sizeof(a->team));
}
