// SPDX-License-Identifier: GPL-2.0-or-later
/* NUMA policy and migration; protection, moving, sealing. */
#include "vm_calls.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fixture.h"
#include "guest.h"

#ifndef SYS_set_mempolicy_home_node
#define SYS_set_mempolicy_home_node	450
#endif
#define SYS_MSEAL	462
#define PAGE		4096UL

static long bind_to(struct vm_place *place, int mode, unsigned long nodes, unsigned int flags)
{
	return syscall(SYS_mbind, place->from, place->size, mode, nodes ? &nodes : NULL, nodes ? 8 : 0, flags) ?
	       -errno : 0;
}

static long bind_node(struct vm_place *place, long flags)
{
	return bind_to(place, MPOL_BIND, 1, (unsigned int)flags);
}

static long interleave(struct vm_place *place, long flags)
{
	return bind_to(place, MPOL_INTERLEAVE, 1, (unsigned int)flags);
}

static long default_policy(struct vm_place *place, long flags)
{
	return bind_node(place, flags) ?: bind_to(place, MPOL_DEFAULT, 0, 0);
}

static long home_node(struct vm_place *place, long unused)
{
	(void)unused;
	if (bind_node(place, 0))
		return -1;
	return syscall(SYS_set_mempolicy_home_node, place->from, place->size, 0, 0) ? -errno : 0;
}

/* The node of the first page. MPOL_F_ADDR|MPOL_F_NODE looks the page up and takes a fault if there is none. */
static long node_of(struct vm_place *place, long unused)
{
	int node = -1;

	(void)unused;
	return syscall(SYS_get_mempolicy, &node, NULL, 0, place->from, MPOL_F_ADDR | MPOL_F_NODE) ? -errno : node;
}

/* argument < 0: only ask. The status of the first page, or -errno of the call. */
static long move(struct vm_place *place, long node)
{
	void *pages[2] = { place->from, place->from + PAGE };
	int nodes[2] = { (int)node, (int)node }, status[2] = { -1, -1 };

	touch(place->from, place->size);	/* else ENOENT, as anywhere */
	if (syscall(SYS_move_pages, 0, 2, pages, node < 0 ? NULL : nodes, status, MPOL_MF_MOVE) < 0)
		return -errno * 1000;
	return status[0];
}

static long migrate(struct vm_place *place, long unused)
{
	unsigned long from = 2, to = 1;

	(void)place;
	(void)unused;
	return syscall(SYS_migrate_pages, 0, 8, &from, &to) < 0 ? -errno : 0;
}

const struct vm_call *vm_calls_numa(void)
{
	static const struct vm_call calls[] = {
		{ "mbind MPOL_BIND", bind_node, 0, 0, 0, ANY },
		{ "mbind MPOL_BIND, MPOL_MF_STRICT", bind_node, MPOL_MF_STRICT, 0, 0, ANY },
		{ "mbind MPOL_BIND, MPOL_MF_MOVE", bind_node, MPOL_MF_MOVE, 0, 0, ANY },
		{ "mbind MPOL_BIND, MPOL_MF_MOVE_ALL|STRICT", bind_node, MPOL_MF_MOVE_ALL | MPOL_MF_STRICT, 0, 0, ANY },
		{ "mbind MPOL_INTERLEAVE", interleave, 0, 0, 0, ANY },
		{ "mbind MPOL_DEFAULT", default_policy, 0, 0, 0, ANY },
		{ "set_mempolicy_home_node", home_node, 0, 0, 0, ANY },
		{ "get_mempolicy MPOL_F_NODE", node_of, 0, -EFAULT, 0, ANY_FAST },
		{ "move_pages, query", move, -1, -EFAULT, 0, BEFORE_6_12_FAST },
		{ "move_pages, query", move, -1, -ENOENT, 0, FROM_6_12 },
		{ "move_pages", move, 0, -EFAULT, -EFAULT, ANY },
		{ "migrate_pages", migrate, 0, 0, 0, ANY },
		{ }
	};

	return calls;
}

static long remap(struct vm_place *place, size_t size, size_t new_size, int flags, void *to)
{
	void *at = mremap(place->from, size, new_size, flags, to);

	return at == MAP_FAILED ? -errno : at != place->from;
}

static long remap_same(struct vm_place *place, long flags)
{
	return remap(place, place->size, place->size, (int)flags, NULL);
}

static long remap_larger(struct vm_place *place, long flags)
{
	return remap(place, PAGE, 2 * PAGE, (int)flags, NULL);
}

static long remap_elsewhere(struct vm_place *place, long flags)
{
	char *to = mmap(NULL, place->size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return remap(place, place->size, place->size, MREMAP_MAYMOVE | MREMAP_FIXED | (int)flags, to);
}

static long remap_duplicate(struct vm_place *place, long flags)
{
	return remap(place, 0, place->size, (int)flags, NULL);
}

static long remap_to_itself(struct vm_place *place, long unused)
{
	(void)unused;
	return remap(place, place->size, place->size, MREMAP_MAYMOVE | MREMAP_FIXED, place->from + PAGE);
}

static long remap_file(struct vm_place *place, long unused)
{
	(void)unused;
	return syscall(SYS_remap_file_pages, place->from, place->size, 0, 1, 0) ? -errno : 0;
}

static long sync_it(struct vm_place *place, long flags)
{
	return msync(place->from, place->size, (int)flags) ? -errno : 0;
}

static long protect(struct vm_place *place, long flags)
{
	return mprotect(place->from, place->size, (int)flags) ? -errno : 0;
}

static long protect_with_key(struct vm_place *place, long key)
{
	return pkey_mprotect(place->from, place->size, PROT_READ, (int)key) ? -errno : 0;
}

/* MAP_FIXED_NOREPLACE and a hint: the region stays where it is. */
static long map_there(struct vm_place *place, long flags)
{
	char *at = mmap(place->from, place->size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | (int)flags, -1, 0);

	return at == MAP_FAILED ? -errno : at == place->from;
}

static long attach_segment(struct vm_place *place, long unused)
{
	int id = shmget(IPC_PRIVATE, place->size, IPC_CREAT | 0600);
	void *at = shmat(id, (void *)((uintptr_t)place->from & ~(PAGE - 1)), 0);

	(void)unused;
	shmctl(id, IPC_RMID, NULL);
	return at == (void *)-1 ? -errno : 1;
}

static long seal(struct vm_place *place, long unused)
{
	(void)unused;
	if (syscall(SYS_MSEAL, place->from, place->size, 0))
		return errno == ENOSYS && !kernel_at_least(6, 10) ? -EPERM : -errno;
	/* from now on nobody unmaps it; at exit the kernel does */
	return munmap(place->from, place->size) ? -errno : 0;
}

const struct vm_call *vm_calls_mapping(void)
{
	static const struct vm_call calls[] = {
		{ "mremap, same size", remap_same, 0, 0, 0, ANY },
		{ "mremap MREMAP_MAYMOVE, same size", remap_same, MREMAP_MAYMOVE, 0, 0, ANY },
		{ "mremap MREMAP_DONTUNMAP", remap_same, MREMAP_MAYMOVE | MREMAP_DONTUNMAP,
		  -EINVAL, -EINVAL, ANY },
		{ "mremap, larger", remap_larger, 0, -EFAULT, -EFAULT, ANY },
		{ "mremap MREMAP_MAYMOVE, larger", remap_larger, MREMAP_MAYMOVE, -EFAULT, -EFAULT, ANY },
		{ "mremap MREMAP_FIXED", remap_elsewhere, 0, -EINVAL, -EINVAL, ANY },
		{ "mremap MREMAP_FIXED|DONTUNMAP", remap_elsewhere, MREMAP_DONTUNMAP, -EINVAL, -EINVAL, ANY },
		{ "mremap MREMAP_FIXED, overlapping", remap_to_itself, 0, -EINVAL, -EINVAL, ANY },
		{ "mremap of size 0", remap_duplicate, MREMAP_MAYMOVE, -EINVAL, -EINVAL, ANY },
		{ "remap_file_pages", remap_file, 0, -EINVAL, -EINVAL, ANY },
		{ "msync MS_SYNC", sync_it, MS_SYNC, 0, 0, ANY },
		{ "msync MS_ASYNC|MS_INVALIDATE", sync_it, MS_ASYNC | MS_INVALIDATE, 0, 0, ANY },
		{ "mprotect PROT_READ", protect, PROT_READ, 0, 0, ANY },
		{ "mprotect PROT_WRITE|PROT_EXEC", protect, PROT_READ | PROT_WRITE | PROT_EXEC, -EACCES, -EACCES, ANY },
		{ "mprotect PROT_GROWSDOWN", protect, PROT_READ | PROT_GROWSDOWN, -EINVAL, -EINVAL, ANY },
		{ "mprotect PROT_GROWSUP", protect, PROT_READ | PROT_GROWSUP, -EINVAL, -EINVAL, ANY },
		{ "pkey_mprotect, no key", protect_with_key, -1, 0, 0, ANY },
		{ "pkey_mprotect, a key that is not allocated", protect_with_key, 9, -EINVAL, -EINVAL, ANY },
		{ "mmap with it as hint", map_there, 0, 0, 0, ANY },
		{ "mmap MAP_FIXED_NOREPLACE", map_there, MAP_FIXED_NOREPLACE, -EEXIST, -EEXIST, ANY },
		{ "shmat without SHM_REMAP", attach_segment, 0, -EINVAL, -EINVAL, ANY },
		{ "mseal, munmap", seal, 0, -EPERM, -EPERM, ANY },
		{ }
	};

	return calls;
}
