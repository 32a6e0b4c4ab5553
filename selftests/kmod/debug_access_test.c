// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Groups 7 and 10: debuggers' accesses from another process, and what attaching and forking leave behind.
 */
#include "lib/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"

#define PAGE	4096UL
#define MB	(1UL << 20)
#define SLOT	(2 * MB)

FIXTURE(tracer)
{
	struct region region;
	struct shared_region_check check;
	pid_t child;
	int memory;
};

/* The tracee is attached and stops; the tracer is attached too and has other data at the same addresses. */
FIXTURE_SETUP(tracer)
{
	char path[64];
	int status;

	region_describe(&self->region, SLOT, MB, MB / 2);
	ASSERT_EQ(0, region_configure(&self->region));
	self->child = fork();
	if (!self->child) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		if (shared_region_check(self->region.device, 0, &self->check))
			_exit(1);
		((volatile uint64_t *)region_data(&self->region))[1] = 0xc001;
		touch(region_data(&self->region), MB);
		raise(SIGSTOP);
		_exit(region_wrong_pages(&self->region, 0, (SLOT + MB + MB / 2) / PAGE) != 1);
	}
	ASSERT_EQ(self->child, waitpid(self->child, &status, 0));
	ASSERT_TRUE(WIFSTOPPED(status));
	ASSERT_EQ(0, shared_region_check(self->region.device, 0, &self->check));
	memset(region_data(&self->region), 0xee, MB);
	snprintf(path, sizeof(path), "/proc/%d/mem", self->child);
	self->memory = open(path, O_RDWR);
	ASSERT_LE(0, self->memory);
}

FIXTURE_TEARDOWN(tracer)
{
	int status;

	kill(self->child, SIGKILL);
	waitpid(self->child, &status, 0);
	close(self->memory);
	region_close(&self->region);
}

static uint64_t expected_word(const struct region *region, const char *at)
{
	uint64_t page[PAGE / 8];

	region_expected_page(region, (size_t)(at - region->base) / PAGE, page);
	return page[(size_t)(at - region->base) % PAGE / 8];
}

TEST_F(tracer, peek_sees_the_tracees_data)
{
	char *data = region_data(&self->region);

	EXPECT_EQ(0xc001, (uint64_t)ptrace(PTRACE_PEEKDATA, self->child, data + 8, 0));
	EXPECT_EQ(expected_word(&self->region, data + PAGE + 64),
		  (uint64_t)ptrace(PTRACE_PEEKDATA, self->child, data + PAGE + 64, 0));
	EXPECT_EQ(expected_word(&self->region, self->region.base + 64),
		  (uint64_t)ptrace(PTRACE_PEEKTEXT, self->child, self->region.base + 64, 0));
}

TEST_F(tracer, poke_changes_the_tracee_only)
{
	char *data = region_data(&self->region) + 3 * PAGE;
	char *text = self->region.base + 5 * PAGE;
	int status;

	ASSERT_EQ(0, ptrace(PTRACE_POKEDATA, self->child, data + 64, 0x1234));
	EXPECT_EQ(0x1234, ptrace(PTRACE_PEEKDATA, self->child, data + 64, 0));
	/* the rest of the page is the tracee's, not the tracer's 0xee */
	EXPECT_EQ(expected_word(&self->region, data + 72),
		  (uint64_t)ptrace(PTRACE_PEEKDATA, self->child, data + 72, 0));
	/* a breakpoint in text */
	ASSERT_EQ(0, ptrace(PTRACE_POKETEXT, self->child, text + 64, 0xcc));
	EXPECT_EQ(0xcc, ptrace(PTRACE_PEEKTEXT, self->child, text + 64, 0));
	EXPECT_EQ(expected_word(&self->region, text + 72),
		  (uint64_t)ptrace(PTRACE_PEEKTEXT, self->child, text + 72, 0));
	/* neither here nor in the region */
	EXPECT_EQ(0, region_wrong_pages(&self->region, 0, SLOT / PAGE));
	EXPECT_EQ((char)0xee, data[64]);
	/* back again: the tracee finds all as it was, but for its own write */
	ASSERT_EQ(0, ptrace(PTRACE_POKEDATA, self->child, data + 64, expected_word(&self->region, data + 64)));
	ASSERT_EQ(0, ptrace(PTRACE_POKETEXT, self->child, text + 64, expected_word(&self->region, text + 64)));
	ASSERT_EQ(0, ptrace(PTRACE_CONT, self->child, 0, 0));
	ASSERT_EQ(self->child, waitpid(self->child, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_F(tracer, proc_mem_crosses_pages)
{
	char *data = region_data(&self->region) + 9 * PAGE;
	char buffer[3 * PAGE], expected[4 * PAGE];
	int i;

	for (i = 0; i < 4; i++)
		region_expected_page(&self->region, (SLOT / PAGE) + 9 + i, expected + i * PAGE);
	ASSERT_EQ((ssize_t)sizeof(buffer), pread(self->memory, buffer, sizeof(buffer), (off_t)(data + 100)));
	EXPECT_EQ(0, memcmp(buffer, expected + 100, sizeof(buffer)));
	memset(buffer, 0x77, sizeof(buffer));
	ASSERT_EQ((ssize_t)sizeof(buffer), pwrite(self->memory, buffer, sizeof(buffer), (off_t)(data + 100)));
	memset(expected + 100, 0x77, sizeof(buffer));
	for (i = 0; i < 4; i++) {
		ASSERT_EQ((ssize_t)PAGE, pread(self->memory, buffer, PAGE, (off_t)(data + i * PAGE)));
		EXPECT_EQ(0, memcmp(buffer, expected + i * PAGE, PAGE));
	}
}

TEST_F(tracer, the_filler_cannot_be_read)
{
	char byte;

	EXPECT_EQ(-1, pread(self->memory, &byte, 1, (off_t)region_filler(&self->region)));
	EXPECT_EQ(EIO, errno);
}

/* ---- balance ---- */

FIXTURE(balance)
{
	struct region region;
	struct shared_region_check check;
	struct shared_region_query query;
};

FIXTURE_SETUP(balance)
{
	region_describe(&self->region, 4 * SLOT, 2 * SLOT, 0);
	ASSERT_EQ(0, region_configure(&self->region));
}

FIXTURE_TEARDOWN(balance)
{
	region_close(&self->region);
}

static long meminfo(const char *key)
{
	FILE *file = fopen("/proc/meminfo", "r");
	char line[128];
	long value = -1;

	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, key, strlen(key)))
			value = strtol(line + strlen(key), NULL, 10);
	fclose(file);
	return value;
}

static int attach_write_and_fork(void *data)
{
	struct region *region = data;
	struct shared_region_check check;
	char *at;

	if (shared_region_check(region->device, SHARED_REGION_CHECK_EAGER, &check))
		return 1;
	touch(region->base, region->text_size);
	for (at = region_data(region); at < region_data(region) + region->data_size; at += SLOT)
		*(volatile char *)at = 1;
	if (!fork()) {
		*(volatile char *)(region_data(region) + PAGE) = 2;
		_exit(0);
	}
	wait(NULL);
	return 0;
}

TEST_F_TIMEOUT(balance, a_thousand_lives_leave_nothing, 120)
{
	long before, after;
	int turn;

	for (turn = 0; turn < 50; turn++)
		ASSERT_EQ(0, in_child(attach_write_and_fork, &self->region));
	before = meminfo("PageTables:");
	for (turn = 0; turn < 1000; turn++)
		ASSERT_EQ(0, in_child(attach_write_and_fork, &self->region));
	after = meminfo("PageTables:");
	EXPECT_EQ(0, shared_region_attached_at_last(self->region.device, 0));
	EXPECT_GE(200, after - before);
	ASSERT_EQ(0, shared_region_check(self->region.device, 0, &self->check));
	EXPECT_EQ(0, region_wrong_pages(&self->region, 0, self->region.size / PAGE));
}

static void live_until_killed(void *data)
{
	for (;;)
		attach_write_and_fork(data);
}

TEST_F(balance, sigkill_at_any_time_leaves_nothing)
{
	struct timespec pause = { 0 };
	int turn, status;

	for (turn = 0; turn < 150; turn++) {
		pid_t pid = fork();

		if (!pid)
			live_until_killed(&self->region);
		pause.tv_nsec = turn * 40000L;
		nanosleep(&pause, NULL);
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
	}
	EXPECT_EQ(0, shared_region_attached_at_last(self->region.device, 0));
	ASSERT_EQ(0, shared_region_check(self->region.device, 0, &self->check));
	EXPECT_EQ(0, region_wrong_pages(&self->region, 0, self->region.size / PAGE));
}

static int cannot_be_unloaded(void)
{
	return syscall(SYS_delete_module, "shared_region", O_NONBLOCK) == -1 && errno == EWOULDBLOCK;
}

TEST_F(balance, the_module_stays_while_somebody_is_attached)
{
	ASSERT_EQ(0, shared_region_check(self->region.device, 0, &self->check));
	close(self->region.device);
	self->region.device = -1;
	EXPECT_TRUE(cannot_be_unloaded());
	EXPECT_EQ(0, region_wrong_pages(&self->region, 0, 16));
}

TEST_HARNESS_MAIN
