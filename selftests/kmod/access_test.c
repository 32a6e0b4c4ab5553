// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Group 6: accesses that are not allowed: signal, code and address in user mode; errno where a system call makes them.
 */
#include "lib/fixture.h"
#include "lib/witness.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"

#define PAGE	4096UL
#define MB	(1UL << 20)
#define SLOT	(2 * MB)

FIXTURE(access)
{
	struct region region;
	struct expected expected;
	struct witness attached, fresh;
	struct shared_region_check check;
	char *text, *data, *rodata, *filler, *hole, *beyond;
};

FIXTURE_VARIANT(access)
{
	int flags;		/* of CHECK */
	bool touched;		/* read everything first */
	bool written;		/* write some of the data first: its slot is private then */
};

FIXTURE_VARIANT_ADD(access, untouched) { };
FIXTURE_VARIANT_ADD(access, nested) { .flags = SHARED_REGION_CHECK_EAGER, .touched = true };
FIXTURE_VARIANT_ADD(access, unnested) { .touched = true, .written = true };

FIXTURE_SETUP(access)
{
	struct region *region = &self->region;

	region_describe(region, SLOT, MB, MB / 2);
	ASSERT_EQ(0, region_configure(region));
	ASSERT_EQ(0, expected_compute(&self->expected, region));
	ASSERT_EQ(0, witness_start(&self->attached, WITNESS_ATTACHED, &self->expected));
	ASSERT_EQ(0, witness_start(&self->fresh, WITNESS_FRESH, &self->expected));
	ASSERT_EQ(0, shared_region_check(region->device, variant->flags, &self->check));
	if (variant->touched)
		ASSERT_EQ(0, expected_all_wrong(&self->expected));
	if (variant->written)
		region_data(region)[MB - 1] = 1;
	self->text = region_text(region) + 5 * PAGE + 123;
	self->data = region_data(region) + 5 * PAGE + 123;
	self->rodata = region_rodata(region) + 5 * PAGE + 123;
	self->filler = region_filler(region) + 5 * PAGE + 123;
	self->hole = region_data(region) + 9 * PAGE + 123;
	self->beyond = region->base + region->size + 123;
	ASSERT_EQ(0, munmap(region_data(region) + 9 * PAGE, PAGE));
}

FIXTURE_TEARDOWN(access)
{
	size_t text = self->region.text_size / PAGE;

	/* nothing but the hole and, in one variant, the written page differs here; and nothing elsewhere */
	EXPECT_EQ(0, expected_wrong(&self->expected, 0, text + 9));
	EXPECT_EQ(variant->written, expected_wrong(&self->expected, text + 10, self->expected.pages - text - 10));
	EXPECT_EQ(0, witness_wrong(&self->attached));
	EXPECT_EQ(0, witness_wrong(&self->fresh));
	witness_stop(&self->attached);
	witness_stop(&self->fresh);
	expected_free(&self->expected);
	region_close(&self->region);
}

#define EXPECT_FAULT(want_code, kind, at)			\
	do {							\
		struct fault fault = fault_of_##kind(at);	\
								\
		EXPECT_EQ(SIGSEGV, fault.signal);		\
		EXPECT_EQ(want_code, fault.code);		\
		EXPECT_EQ((void *)(at), fault.address);		\
	} while (0)

TEST_F(access, a_write_to_text_or_read_only_data_is_segv_accerr)
{
	EXPECT_FAULT(SEGV_ACCERR, write, self->text);
	EXPECT_FAULT(SEGV_ACCERR, write, self->rodata);
}

TEST_F(access, running_data_is_segv_accerr)
{
	EXPECT_FAULT(SEGV_ACCERR, call, self->data);
	EXPECT_FAULT(SEGV_ACCERR, call, self->rodata);
}

TEST_F(access, any_access_to_a_filler_is_segv_accerr)
{
	EXPECT_FAULT(SEGV_ACCERR, read, self->filler);
	EXPECT_FAULT(SEGV_ACCERR, write, self->filler);
	EXPECT_FAULT(SEGV_ACCERR, call, self->filler);
}

TEST_F(access, any_access_to_a_hole_is_segv_maperr)
{
	EXPECT_FAULT(SEGV_MAPERR, read, self->hole);
	EXPECT_FAULT(SEGV_MAPERR, write, self->hole);
	EXPECT_FAULT(SEGV_MAPERR, call, self->hole);
	EXPECT_FAULT(SEGV_MAPERR, read, self->beyond);
}

TEST_F(access, after_mprotect_to_none_it_is_segv_accerr)
{
	char *page = region_data(&self->region) + 20 * PAGE;

	ASSERT_EQ(0, mprotect(page, PAGE, PROT_NONE));
	EXPECT_FAULT(SEGV_ACCERR, read, page + 7);
	EXPECT_FAULT(SEGV_ACCERR, write, page + 7);
	ASSERT_EQ(0, mprotect(page, PAGE, PROT_READ | PROT_WRITE));
	page = self->region.base + 20 * PAGE;
	ASSERT_EQ(0, mprotect(page, PAGE, PROT_READ));
	EXPECT_FAULT(SEGV_ACCERR, call, page);
	ASSERT_EQ(0, mprotect(page, PAGE, PROT_READ | PROT_EXEC));
	EXPECT_EQ(20, ((int (*)(void))page)());
}

static void never_runs(int number)
{
	(void)number;
	_exit(0);
}

/* The signal's frame cannot be written: the kernel kills, as with any stack that is not writable. */
TEST_F(access, a_stack_pointer_in_text_kills_and_harms_nothing)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		signal(SIGSEGV, never_runs);
		asm volatile("mov %0, %%rsp\n\tpush %%rax" : : "r"(self->text) : "memory");
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGSEGV, WTERMSIG(status));
}

/* ---- system calls ---- */

#define EXPECT_EFAULT(call)			\
	do {					\
		errno = 0;			\
		EXPECT_EQ(-1, (long)(call));	\
		EXPECT_EQ(EFAULT, errno);	\
	} while (0)

TEST_F(access, system_calls_that_write_where_nobody_may_give_efault)
{
	char *places[] = { self->text, self->rodata, self->filler, self->hole, self->beyond };
	struct timespec *time;
	int fd = open("/dev/zero", O_RDONLY);
	int sockets[2];
	size_t i;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM, 0, sockets));
	for (i = 0; i < 5; i++) {
		struct iovec vector = { places[i], 64 };

		time = (struct timespec *)(places[i] + 5);	/* aligned */
		EXPECT_EFAULT(read(fd, places[i], 64));
		EXPECT_EFAULT(readv(fd, &vector, 1));
		EXPECT_EFAULT(stat("/", (struct stat *)time));
		EXPECT_EFAULT(syscall(SYS_clock_gettime, CLOCK_TAI, time));
		EXPECT_EFAULT(pipe((int *)time));
		ASSERT_EQ(3, send(sockets[0], "abc", 3, 0));
		EXPECT_EFAULT(recv(sockets[1], places[i], 3, MSG_DONTWAIT));
		while (recv(sockets[1], &vector, sizeof(vector), MSG_DONTWAIT) >= 0)
			;
	}
	close(fd);
}

TEST_F(access, system_calls_that_read_where_nobody_may_give_efault)
{
	char *places[] = { self->filler, self->hole, self->beyond };
	int pipes[2];
	size_t i;

	ASSERT_EQ(0, pipe(pipes));
	for (i = 0; i < 3; i++) {
		struct iovec vector = { places[i], 64 };

		EXPECT_EFAULT(write(pipes[1], places[i], 64));
		EXPECT_EFAULT(writev(pipes[1], &vector, 1));
		EXPECT_EFAULT(open(places[i], O_RDONLY));
		EXPECT_EFAULT(nanosleep((struct timespec *)(places[i] + 5), NULL));
	}
}

TEST_F(access, system_calls_read_text_and_data_as_any_memory)
{
	char *places[] = { self->text, self->data, self->rodata };
	char buffer[PAGE];
	int pipes[2];
	size_t i;

	ASSERT_EQ(0, pipe(pipes));
	for (i = 0; i < 3; i++) {
		size_t page = (size_t)(places[i] - self->region.base) / PAGE;

		/* across two pages */
		ASSERT_EQ((ssize_t)PAGE, write(pipes[1], places[i], PAGE));
		ASSERT_EQ((ssize_t)PAGE, read(pipes[0], buffer, PAGE));
		EXPECT_EQ(0, memcmp(buffer, expected_page(&self->expected, page) + 123, PAGE));
	}
}

TEST_F(access, a_system_call_that_crosses_into_a_hole_stops_there)
{
	char *before = region_data(&self->region) + 9 * PAGE - 100;
	size_t page = self->region.text_size / PAGE + 8;
	char buffer[200];
	int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);

	ASSERT_LE(0, fd);
	ASSERT_EQ(100, write(fd, before, 200));
	EXPECT_EQ(100, pread(fd, buffer, 200, 0));
	EXPECT_EQ(0, memcmp(buffer, expected_page(&self->expected, page) + PAGE - 100, 100));
	close(fd);
}

TEST_F(access, system_calls_write_to_data_as_to_any_memory)
{
	char *at = region_data(&self->region) + 30 * PAGE - 50;
	size_t page = self->region.text_size / PAGE + 29;
	char content[100], old[2 * PAGE];
	int pipes[2], i;

	memcpy(old, expected_page(&self->expected, page), 2 * PAGE);
	memset(content, 0x3c, 100);
	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(100, write(pipes[1], content, 100));
	ASSERT_EQ(100, read(pipes[0], at, 100));
	memset(old + PAGE - 50, 0x3c, 100);
	EXPECT_EQ(0, memcmp(at + 50 - PAGE, old, 2 * PAGE));
	/* as it was, for the comparison at the end */
	for (i = 0; i < 100; i++)
		at[i] = expected_page(&self->expected, page)[PAGE - 50 + i];
}


/* The argument may lie anywhere: the size is read from a page of the region, the answer cannot be written there. */
TEST_F(access, an_ioctl_argument_in_the_region_is_as_any_other)
{
	struct shared_region_query *query = (struct shared_region_query *)(region_data(&self->region) + 40 * PAGE);
	struct shared_region_query saved = *query;

	memset(query, 0, sizeof(*query));
	query->size = sizeof(*query);
	EXPECT_EQ(0, ioctl(self->region.device, SHARED_REGION_QUERY, query));
	EXPECT_EQ((uint64_t)self->region.base, query->base);
	memcpy(query, &saved, sizeof(saved));
	EXPECT_EFAULT(ioctl(self->region.device, SHARED_REGION_QUERY, self->filler));
	EXPECT_EFAULT(ioctl(self->region.device, SHARED_REGION_QUERY, self->hole));
}

TEST_HARNESS_MAIN
