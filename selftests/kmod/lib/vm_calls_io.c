// SPDX-License-Identifier: GPL-2.0-or-later
/* Copies that take references to pages, futexes, what /proc says, and registrations. */
#include "vm_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <linux/membarrier.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "guest.h"

#define PAGE	4096UL
#define DISK	"/dev/zram1"

/* ---- copies ---- */

static long process_read(struct vm_place *place, long unused)
{
	char buffer[PAGE];
	struct iovec local = { buffer, PAGE }, remote = { place->from + PAGE, PAGE };
	ssize_t got = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);

	(void)unused;
	return got < 0 ? -errno : memcmp(buffer, place->from + PAGE, PAGE);
}

static long process_write(struct vm_place *place, long unused)
{
	char buffer[PAGE];
	struct iovec local = { buffer, PAGE }, remote = { place->from + PAGE, PAGE };

	(void)unused;
	memcpy(buffer, place->from + PAGE, PAGE);
	return process_vm_writev(getpid(), &local, 1, &remote, 1, 0) < 0 ? -errno : 0;
}

static long splice_to_pipe(struct vm_place *place, long flags)
{
	struct iovec vector = { place->from + PAGE, PAGE };
	char buffer[PAGE];
	int pipes[2];
	ssize_t got;

	if (pipe(pipes))
		return -1;
	got = vmsplice(pipes[1], &vector, 1, (unsigned int)flags);
	if (got < 0)
		return -errno;
	if (read(pipes[0], buffer, PAGE) != (ssize_t)PAGE)
		return -2;
	return memcmp(buffer, vector.iov_base, PAGE);
}

static long splice_from_pipe(struct vm_place *place, long unused)
{
	struct iovec vector = { place->from + PAGE, 512 };
	char buffer[512];
	int pipes[2];

	(void)unused;
	memcpy(buffer, vector.iov_base, 512);
	if (pipe(pipes) || write(pipes[1], buffer, 512) != 512)
		return -1;
	return vmsplice(pipes[0], &vector, 1, 0) < 0 ? -errno : 0;
}

/* The page's own content goes to the disk by way of a buffer, so that reading it changes nothing. */
static long direct_read(struct vm_place *place, long unused)
{
	void *buffer = aligned_alloc(PAGE, PAGE);
	int fd = open(DISK, O_RDWR | O_DIRECT);
	ssize_t got;

	(void)unused;
	memcpy(buffer, place->from + PAGE, PAGE);
	if (fd < 0 || pwrite(fd, buffer, PAGE, 0) != (ssize_t)PAGE)
		return -1;
	got = pread(fd, place->from + PAGE, PAGE, 0);
	return got < 0 ? -errno : got != (ssize_t)PAGE;
}

static long direct_write(struct vm_place *place, long unused)
{
	void *buffer = aligned_alloc(PAGE, PAGE);
	int fd = open(DISK, O_RDWR | O_DIRECT);
	ssize_t got = pwrite(fd, place->from + PAGE, PAGE, PAGE);

	(void)unused;
	if (got < 0)
		return -errno;
	if (pread(fd, buffer, PAGE, PAGE) != (ssize_t)PAGE)
		return -1;
	return memcmp(buffer, place->from + PAGE, PAGE);
}

static long ring_buffer(struct vm_place *place, long unused)
{
	struct io_uring_params parameters = { 0 };
	struct iovec vector = { place->from, place->size };
	int ring = (int)syscall(SYS_io_uring_setup, 4, &parameters);

	(void)unused;
	if (ring < 0)
		return -errno;
	return syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &vector, 1) < 0 ? -errno : 0;
}

const struct vm_call *vm_calls_copy(void)
{
	/* process_vm_* look at the mapping; the others find a written page without that */
	static const struct vm_call calls[] = {
		{ "process_vm_readv", process_read, 0, -EFAULT, -EFAULT, ANY },
		{ "process_vm_writev", process_write, 0, -EFAULT, -EFAULT, ANY },
		{ "vmsplice", splice_to_pipe, 0, -EFAULT, 0, ANY_FAST },
		{ "vmsplice SPLICE_F_GIFT", splice_to_pipe, SPLICE_F_GIFT, -EFAULT, 0, ANY_FAST },
		{ "O_DIRECT write", direct_write, 0, -EFAULT, 0, ANY_FAST },
		{ "io_uring buffers", ring_buffer, 0, -EFAULT, -EFAULT, BEFORE_6_12 },
		{ "io_uring buffers", ring_buffer, 0, -EFAULT, 0, FROM_6_12 },
		{ }
	};

	return calls;
}

/* Only where the process may write. */
const struct vm_call *vm_calls_copy_into(void)
{
	static const struct vm_call calls[] = {
		{ "O_DIRECT read", direct_read, 0, -EFAULT, 0, ANY },
		{ "vmsplice from a pipe", splice_from_pipe, 0, 0, 0, ANY },
		{ }
	};

	return calls;
}

/* ---- futexes ---- */

static long futex(struct vm_place *place, long operation)
{
	const struct timespec soon = { 0, 1000000 };
	uint32_t *word = (uint32_t *)(place->from + PAGE + 64);
	uint32_t *second = (uint32_t *)(place->from + PAGE + 128);
	long ret;

	if ((operation & FUTEX_CMD_MASK) == FUTEX_CMP_REQUEUE)
		ret = syscall(SYS_futex, word, operation, 1, 1L, second, *(volatile uint32_t *)word);
	else if ((operation & FUTEX_CMD_MASK) == FUTEX_WAIT)
		ret = syscall(SYS_futex, word, operation, *(volatile uint32_t *)word, &soon, NULL, 0);
	else
		ret = syscall(SYS_futex, word, operation, 1, NULL, NULL, 0);
	return ret < 0 ? -errno : ret;
}

const struct vm_call *vm_calls_futex(void)
{
	static const struct vm_call calls[] = {
		{ "futex WAIT, private", futex, FUTEX_WAIT_PRIVATE, -ETIMEDOUT, -ETIMEDOUT, ANY },
		{ "futex WAKE, private", futex, FUTEX_WAKE_PRIVATE, 0, 0, ANY },
		{ "futex CMP_REQUEUE, private", futex, FUTEX_CMP_REQUEUE_PRIVATE, 0, 0, ANY },
		{ "futex WAIT, shared", futex, FUTEX_WAIT, -EFAULT, -ETIMEDOUT, ANY },
		{ "futex WAKE, shared", futex, FUTEX_WAKE, -EFAULT, 0, ANY },
		{ "futex CMP_REQUEUE, shared", futex, FUTEX_CMP_REQUEUE, -EFAULT, 0, ANY },
		{ }
	};

	return calls;
}

/* ---- /proc ---- */

/* Reads a whole file of /proc/self; 0 or -errno. */
static long read_all(const char *path)
{
	static char buffer[1 << 16];
	int fd = open(path, O_RDONLY);
	ssize_t got;

	if (fd < 0)
		return -errno;
	do
		got = read(fd, buffer, sizeof(buffer));
	while (got > 0);
	close(fd);
	return got < 0 ? -errno : 0;
}

/* The Rss of the mapping that holds the place. */
static long smaps_rss(struct vm_place *place, long unused)
{
	FILE *file = fopen("/proc/self/smaps", "r");
	unsigned long start, end, from = (unsigned long)place->from;
	char line[512], kind;
	bool here = false;
	long rss = -1;

	(void)unused;
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx %c", &start, &end, &kind) == 3)
			here = start <= from && from < end;
		else if (here && sscanf(line, "Rss: %ld", &rss) == 1)
			break;
	}
	if (file)
		fclose(file);
	return rss;
}

/* Entries of pagemap that are not 0 apart from the soft-dirty bit. */
static long pagemap(struct vm_place *place, long unused)
{
	uint64_t entries[16];
	int fd = open("/proc/self/pagemap", O_RDONLY);
	ssize_t got = pread(fd, entries, sizeof(entries), (off_t)((uintptr_t)place->from / PAGE * 8));
	long count = 0;

	(void)unused;
	close(fd);
	for (int i = 0; i < 16; i++)
		count += (entries[i] & ~(1ULL << 55)) != 0;
	return got != sizeof(entries) ? -1 : count;
}

static long report(struct vm_place *place, long which)
{
	static const char *const paths[] = { "/proc/self/smaps_rollup", "/proc/self/numa_maps", "/proc/self/maps" };

	(void)place;
	return read_all(paths[which]);
}

/* After it the pages are read and, if they may be, written. */
static long clear_refs(struct vm_place *place, long which)
{
	volatile char *at = place->from + PAGE + 2000;
	char text[2] = { (char)('0' + which), 0 };
	int ret = file_put("/proc/self/clear_refs", text);

	if (*at == 0x5e)
		*at = 0x5e;
	return ret;
}

const struct vm_call *vm_calls_proc(void)
{
	static const struct vm_call calls[] = {
		{ "smaps", smaps_rss, 0, 0, 0, BEFORE_6_12 },
		{ "smaps", smaps_rss, 0, 0, 64, FROM_6_12 },
		{ "smaps_rollup", report, 0, 0, 0, ANY },
		{ "numa_maps", report, 1, 0, 0, ANY },
		{ "maps", report, 2, 0, 0, ANY },
		{ "pagemap", pagemap, 0, 0, 0, ANY },
		{ "clear_refs 1", clear_refs, 1, 0, 0, ANY },
		{ "clear_refs 2", clear_refs, 2, 0, 0, ANY },
		{ "clear_refs 3", clear_refs, 3, 0, 0, ANY },
		{ "clear_refs 4", clear_refs, 4, 0, 0, ANY },
		{ "clear_refs 5", clear_refs, 5, 0, 0, ANY },
		{ }
	};

	return calls;
}

/* ---- registrations ---- */

static long userfault(struct vm_place *place, long mode)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .range = { (uintptr_t)place->from, place->size }, .mode = (uint64_t)mode };
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		return -1;
	return ioctl(fd, UFFDIO_REGISTER, &range) ? -errno : 0;
}

static long name(struct vm_place *place, long unused)
{
	char *other = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)unused;
	/* a kernel without CONFIG_ANON_VMA_NAME names nothing at all */
	if (prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, other, PAGE, "a name"))
		return errno == EINVAL ? -EBADF : -errno;
	return prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, place->from, place->size, "a name") ? -errno : 0;
}

static long barrier(struct vm_place *place, long command)
{
	(void)place;
	return syscall(SYS_membarrier, command, 0, 0) ? -errno : 0;
}

const struct vm_call *vm_calls_register(void)
{
	static const struct vm_call calls[] = {
		{ "userfaultfd missing", userfault, UFFDIO_REGISTER_MODE_MISSING, -EINVAL, -EINVAL, ANY },
		{ "userfaultfd write-protect", userfault, UFFDIO_REGISTER_MODE_WP, -EINVAL, -EINVAL, ANY },
		{ "userfaultfd minor", userfault, UFFDIO_REGISTER_MODE_MINOR, -EINVAL, -EINVAL, ANY },
		{ "prctl PR_SET_VMA_ANON_NAME", name, 0, -EBADF, -EBADF, ANY },
		{ "membarrier global", barrier, MEMBARRIER_CMD_GLOBAL, 0, 0, ANY },
		{ "membarrier registration", barrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0, ANY },
		{ }
	};

	return calls;
}
