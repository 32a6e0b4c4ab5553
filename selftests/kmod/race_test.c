// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Group 13: a process against its own CHECK: threads that unmap, seal or fork while another one attaches. Each test
 * runs for a bounded time in a child that is killed; what counts is that it can be, and that the kernel says nothing.
 */
#include "lib/fixture.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#define PAGE	4096UL
#define MB	(1UL << 20)
#define SECONDS	4

FIXTURE(race)
{
	struct region region;
};

FIXTURE_SETUP(race)
{
	region_describe(&self->region, 4 * MB, MB, MB / 2);
	ASSERT_EQ(0, region_configure(&self->region));
}

FIXTURE_TEARDOWN(race)
{
	region_close(&self->region);
}

/* Bad answers of CHECK and of those whom it concerns; shared with the judge. */
static volatile long *bad;

static void *unmap(void *data)
{
	struct region *region = data;

	for (;;)
		munmap(region->base, region->size);
	return NULL;
}

static void *seal(void *data)
{
	struct region *region = data;

	while (syscall(462, region->base, region->text_size, 0)) /* mseal() */
		if (errno == ENOSYS)
			pause();
	return NULL;
}

/* A child may be attached or not, but never with a part of the region. */
static void *fork_and_look(void *data)
{
	struct region *region = data;
	struct shared_region_check check;

	for (;;) {
		pid_t pid = fork();
		int status;

		if (!pid) {
			int device = shared_region_open();

			if (!shared_region_check(device, 0, &check))
				_exit(signal_of_read(region_rodata(region)) || signal_of_read(region_text(region)));
			_exit(0);
		}
		if (pid > 0 && waitpid(pid, &status, 0) == pid && status)
			(*bad)++;
	}
	return NULL;
}

/* CHECK and DETACH for ever, against one other thread. Nothing is mapped above the region, or `blocked`: in its way. */
static void check_against(struct region *region, void *(*other)(void *data), uint32_t flags, bool blocked)
{
	struct shared_region_check check;
	int device = shared_region_open();
	pthread_t thread;

	if (blocked)
		mmap(region_data(region), PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	pthread_create(&thread, NULL, other, region);
	for (;;) {
		int ret = shared_region_check(device, flags, &check);

		if (ret && ret != -EEXIST && ret != -EINTR)
			(*bad)++;
		shared_region_detach(device);
	}
}

static void run(struct __test_metadata *_metadata, struct region *region, void *(*other)(void *data), uint32_t flags,
		bool blocked)
{
	struct shared_region_query query;
	int status, gone = 0;
	pid_t pid;

	bad = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid = fork();
	if (!pid)
		check_against(region, other, flags, blocked);
	sleep(SECONDS);
	kill(pid, SIGKILL);
	for (int i = 0; i < 500 && !gone; i++) {
		usleep(20000);
		gone = waitpid(pid, &status, WNOHANG) == pid;
	}
	ASSERT_TRUE(gone)
		TH_LOG("not killed within 10 s");
	EXPECT_EQ(0, *bad);
	EXPECT_EQ(0, shared_region_attached_at_last(region->device, 0));
	ASSERT_EQ(0, shared_region_query(region->device, &query));
	TH_LOG("%llu nests", query.nested);
}

TEST_F_TIMEOUT(race, eager_attaching_while_another_thread_unmaps, 60)
{
	run(_metadata, &self->region, unmap, SHARED_REGION_CHECK_EAGER, false);
}

TEST_F_TIMEOUT(race, lazy_attaching_while_another_thread_unmaps, 60)
{
	run(_metadata, &self->region, unmap, 0, false);
}

TEST_F_TIMEOUT(race, a_failing_attach_whose_first_part_gets_sealed, 60)
{
	run(_metadata, &self->region, seal, 0, true);
}

TEST_F_TIMEOUT(race, forks_while_another_thread_attaches, 60)
{
	run(_metadata, &self->region, fork_and_look, 0, false);
}

TEST_HARNESS_MAIN
