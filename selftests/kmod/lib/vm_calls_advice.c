// SPDX-License-Identifier: GPL-2.0-or-later
/* madvise, process_madvise, and locking. */
#include "vm_calls.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fixture.h"
#include "guest.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

static long advise(struct vm_place *place, long advice)
{
	return madvise(place->from, place->size, (int)advice) ? -errno : 0;
}

#define ADVICE(name, plain, copied) { #name, advise, name, plain, copied, ANY }

const struct vm_call *vm_calls_madvise(void)
{
	static const struct vm_call calls[] = {
		ADVICE(MADV_NORMAL, 0, 0),
		ADVICE(MADV_RANDOM, 0, 0),
		ADVICE(MADV_SEQUENTIAL, 0, 0),
		ADVICE(MADV_WILLNEED, 0, 0),
		ADVICE(MADV_DONTNEED, -EINVAL, -EINVAL),
		ADVICE(MADV_FREE, -EINVAL, -EINVAL),
		ADVICE(MADV_REMOVE, -EACCES, -EACCES),
		ADVICE(MADV_DOFORK, 0, 0),
		ADVICE(MADV_MERGEABLE, 0, 0),
		ADVICE(MADV_UNMERGEABLE, 0, 0),
		ADVICE(MADV_HUGEPAGE, 0, 0),
		ADVICE(MADV_NOHUGEPAGE, 0, 0),
		ADVICE(MADV_DONTDUMP, 0, 0),
		ADVICE(MADV_DODUMP, -EINVAL, -EINVAL),
		ADVICE(MADV_WIPEONFORK, -EINVAL, -EINVAL),
		ADVICE(MADV_KEEPONFORK, 0, 0),
		ADVICE(MADV_COLD, -EINVAL, -EINVAL),
		ADVICE(MADV_PAGEOUT, -EINVAL, -EINVAL),
		ADVICE(MADV_POPULATE_READ, -EINVAL, -EINVAL),
		ADVICE(MADV_POPULATE_WRITE, -EINVAL, -EINVAL),
		ADVICE(MADV_DONTNEED_LOCKED, -EINVAL, -EINVAL),
		ADVICE(MADV_COLLAPSE, -EINVAL, -EINVAL),
		/* of later kernels (MADV_GUARD_INSTALL, _REMOVE), and of none */
		{ "MADV 102", advise, 102, -EINVAL, -EINVAL, ANY },
		{ "MADV 103", advise, 103, -EINVAL, -EINVAL, ANY },
		{ "MADV 26", advise, 26, -EINVAL, -EINVAL, ANY },
		{ }
	};

	return calls;
}

const struct vm_call *vm_calls_madvise_fork(void)
{
	static const struct vm_call calls[] = {
		ADVICE(MADV_DONTFORK, 0, 0),
		{ }
	};

	return calls;
}

static long advise_process(struct vm_place *place, long advice)
{
	struct iovec vector = { place->from, place->size };
	int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	long ret = syscall(SYS_process_madvise, fd, &vector, 1, advice, 0);

	ret = ret < 0 ? -errno : ret;
	close(fd);
	return ret;
}

#define PROCESS_ADVICE(name, plain, copied) { "process_madvise " #name, advise_process, name, plain, copied, ANY }

const struct vm_call *vm_calls_process_madvise(void)
{
	static const struct vm_call calls[] = {
		PROCESS_ADVICE(MADV_COLD, -EINVAL, -EINVAL),
		PROCESS_ADVICE(MADV_PAGEOUT, -EINVAL, -EINVAL),
		PROCESS_ADVICE(MADV_WILLNEED, 16 * 4096, 16 * 4096),
		PROCESS_ADVICE(MADV_COLLAPSE, -EINVAL, -EINVAL),
		PROCESS_ADVICE(MADV_DONTNEED, -EINVAL, -EINVAL),
		{ }
	};

	return calls;
}

static long lock(struct vm_place *place, long unused)
{
	(void)unused;
	return mlock(place->from, place->size) ? -errno : status_number("VmLck:");
}

static long lock_and_unlock(struct vm_place *place, long flags)
{
	if (mlock2(place->from, place->size, (unsigned int)flags))
		return -errno;
	return munlock(place->from, place->size) ? -errno : status_number("VmLck:");
}

static long lock_all(struct vm_place *place, long flags)
{
	(void)place;
	if (mlockall((int)flags))
		return -errno;
	return munlockall() ? -errno : status_number("VmLck:");
}

static long present(struct vm_place *place, long unused)
{
	unsigned char pages[16] = { 0 };
	long count = 0;

	(void)unused;
	if (mincore(place->from, place->size, pages))
		return -errno;
	for (int i = 0; i < 16; i++)
		count += pages[i] & 1;
	return count;
}

const struct vm_call *vm_calls_lock(void)
{
	static const struct vm_call calls[] = {
		/* nothing is locked, and nothing counts as locked */
		{ "mlock", lock, 0, 0, 0, ANY },
		{ "mlock2, munlock", lock_and_unlock, 0, 0, 0, ANY },
		{ "mlock2 MLOCK_ONFAULT, munlock", lock_and_unlock, MLOCK_ONFAULT, 0, 0, ANY },
		{ "mlockall MCL_CURRENT", lock_all, MCL_CURRENT, 0, 0, ANY },
		{ "mlockall MCL_FUTURE", lock_all, MCL_FUTURE, 0, 0, ANY },
		{ "mlockall MCL_CURRENT|MCL_FUTURE|MCL_ONFAULT", lock_all,
		  MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT, 0, 0, ANY },
		{ "mincore", present, 0, 0, 0, ANY },
		{ }
	};

	return calls;
}
