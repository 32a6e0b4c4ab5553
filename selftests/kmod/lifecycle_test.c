// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Threads and processes that get into each other's way, and callers who want too much. Each of these
 * crashed or hung a kernel, or kept memory, before it was repaired.
 */
#include "lib/fixture.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"

#define PAGE	4096UL
#define MB	(1UL << 20)
#define SECONDS	3

static struct region region;

FIXTURE(lifecycle)
{
	int fd;
	struct shared_region_query query;
};

FIXTURE_SETUP(lifecycle)
{
	self->fd = shared_region_open();
	ASSERT_LE(0, self->fd);
	region_describe(&region, 4 * MB, MB, MB / 2);
	ASSERT_EQ(0, region_configure(&region));
}

FIXTURE_TEARDOWN(lifecycle)
{
	region_close(&region);
	close(self->fd);
}

static int check(__u32 flags)
{
	struct shared_region_check answer;
	int fd = shared_region_open();
	int ret = shared_region_check(fd, flags, &answer);

	close(fd);
	return ret;
}

/* The region has no wrong page for a process that comes now. */
static int fresh_process(void *unused)
{
	(void)unused;
	if (check(0))
		return 1;
	return region_wrong_pages(&region, 0, (4 * MB + MB) / PAGE) ? 2 : 0;
}

/* ---- eager attach against munmap ---- */

static void *unmap_for_ever(void *unused)
{
	(void)unused;
	for (;;)
		syscall(SYS_munmap, region.base, region.size);
	return NULL;
}

/* Until the main thread sleeps: its stack goes in a moment. */
static void wait_for_the_main_thread(void)
{
	char path[64], state = 0;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", getpid());
	while (state != 'S') {
		FILE *stat = fopen(path, "r");

		if (!stat || fscanf(stat, "%*d %*s %c", &state) != 1)
			state = 0;
		if (stat)
			fclose(stat);
		usleep(1000);
	}
}

static void *check_for_a_while(void *above)
{
	/* not time(3): the vDSO goes with the rest */
	time_t end = syscall(SYS_time, NULL) + SECONDS;

	/* either nothing at all lies above the region, or something that is not the region's */
	wait_for_the_main_thread();
	if (!above)
		munmap(region.base + region.size,
		       0x7ffffffff000UL - (unsigned long)(region.base + region.size));
	while (syscall(SYS_time, NULL) < end)
		check(SHARED_REGION_CHECK_EAGER);
	_exit(0);
}

/* A thread whose stack survives when all above the region is unmapped. */
static void start_low(void *(*body)(void *), void *data, unsigned long address)
{
	pthread_attr_t attributes;
	pthread_t thread;

	mmap((void *)address, MB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	pthread_attr_init(&attributes);
	pthread_attr_setstack(&attributes, (void *)address, MB);
	pthread_create(&thread, &attributes, body, data);
}

static int check_against_unmap(void *above)
{
	start_low(unmap_for_ever, NULL, 0x20000000);
	start_low(check_for_a_while, above, 0x30000000);
	for (;;)
		syscall(SYS_pause);
}

TEST_F(lifecycle, eager_attach_against_munmap_with_nothing_above_the_region)
{
	EXPECT_EQ(0, in_child(check_against_unmap, NULL));
	EXPECT_EQ(0, in_child(fresh_process, NULL));
}

TEST_F(lifecycle, eager_attach_against_munmap_with_a_foreign_mapping_above_the_region)
{
	char *above = mmap(region.base + region.size, MB, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	ASSERT_NE(MAP_FAILED, above);
	EXPECT_EQ(0, in_child(check_against_unmap, above));
	EXPECT_EQ(0, in_child(fresh_process, NULL));
}

/* ---- regions that come and go ---- */

static int check_under_a_small_limit(void *unused)
{
	struct shared_region_check answer;
	time_t end = time(NULL) + SECONDS;
	int fd = shared_region_open();

	(void)unused;
	while (time(NULL) < end) {
		if (!shared_region_check(fd, 0, &answer))
			shared_region_detach(fd);
	}
	return 0;
}

static int configure_and_close(void *unused)
{
	time_t end = time(NULL) + SECONDS;
	long rounds = 0;

	(void)unused;
	while (time(NULL) < end) {
		struct shared_region_mapping map = { .fd = -1, .prot = SHARED_REGION_PROT_READ,
						     .flags = SHARED_REGION_MAPPING_ZERO, .length = PAGE };
		struct shared_region_map_and_slide request = { .mappings = (unsigned long)&map,
							       .mapping_count = 1, .region_size = 64 * MB };
		int fd = shared_region_open();

		if (!shared_region_configure(fd, &request))
			rounds++;
		close(fd);
	}
	return rounds < 10;
}

TEST_F(lifecycle, a_region_may_be_used_and_destroyed_at_the_same_time)
{
	pid_t users[2];
	size_t i;
	int status;

	close(region.device);
	region.device = -1;
	for (i = 0; i < 2; i++) {
		users[i] = fork();
		if (!users[i])
			_exit(check_under_a_small_limit(NULL));
	}
	EXPECT_EQ(0, in_child(configure_and_close, NULL));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(users[i], waitpid(users[i], &status, 0));
		EXPECT_EQ(0, status);
	}
	EXPECT_EQ(0, shared_region_attached_at_last(self->fd, 0));
}

/* ---- fork ---- */

static void on_alarm(int signal)
{
	(void)signal;
}

static bool is_attached(void)
{
	struct shared_region_query query;
	int fd = shared_region_open();
	bool attached = !shared_region_query(fd, &query) && (query.flags & SHARED_REGION_QUERY_ATTACHED);

	close(fd);
	return attached;
}

/* Number of children that were not attached. */
static int fork_under_signals(void *unused)
{
	struct itimerval fast = { { 0, 300 }, { 0, 300 } }, off = { { 0, 0 }, { 0, 0 } };
	int lost = 0, i;

	(void)unused;
	if (check(0))
		return 100;
	signal(SIGALRM, on_alarm);
	for (i = 0; i < 200; i++) {
		int status;
		pid_t child;

		setitimer(ITIMER_REAL, &fast, NULL);
		child = fork();
		if (!child)
			_exit(!is_attached());
		setitimer(ITIMER_REAL, &off, NULL);
		if (child < 0 || waitpid(child, &status, 0) != child || status)
			lost++;
	}
	return lost;
}

TEST_F(lifecycle, a_fork_under_signals_makes_attached_children)
{
	EXPECT_EQ(0, in_child(fork_under_signals, NULL));
}

/* ---- exit ---- */

static int attach_and_touch(void *unused)
{
	(void)unused;
	if (check(0))
		return 1;
	touch(region.base, region.text_size);
	return 0;
}

static int touch_text(void *unused)
{
	(void)unused;
	touch(region.base, region.text_size);
	return 0;
}

static int forks_that_touch(void *unused)
{
	int i;

	(void)unused;
	if (attach_and_touch(NULL))
		return 1;
	for (i = 0; i < 10; i++)
		if (in_child(touch_text, NULL))
			return 2;
	return 0;
}

TEST_F(lifecycle, the_end_of_a_process_needs_no_flush_of_ours)
{
	__u64 before;
	int i;

	ASSERT_EQ(0, shared_region_query(self->fd, &self->query));
	before = self->query.flushes;
	for (i = 0; i < 10; i++)
		EXPECT_EQ(0, in_child(attach_and_touch, NULL));
	EXPECT_EQ(0, in_child(forks_that_touch, NULL));
	ASSERT_EQ(0, shared_region_query(self->fd, &self->query));
	TH_LOG("20 processes ended: %lld flushes", (long long)(self->query.flushes - before));
	EXPECT_EQ(before, self->query.flushes);
}

/* ---- too much ---- */

static int configure_zeros(__u64 size, __u64 slide_count)
{
	struct shared_region_mapping map = { .fd = -1, .prot = SHARED_REGION_PROT_READ,
					     .flags = SHARED_REGION_MAPPING_ZERO, .length = size,
					     .slide = PAGE, .slide_count = slide_count };
	struct shared_region_map_and_slide request = { .mappings = (unsigned long)&map,
						       .mapping_count = 1, .region_size = size };
	int fd = shared_region_open();
	int ret = shared_region_configure(fd, &request);

	close(fd);
	return ret;
}

/* Anybody can be root of a user namespace of his own. */
static int too_much_in_a_user_namespace(void *unused)
{
	(void)unused;
	if (setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000))
		return 1;
	if (unshare(CLONE_NEWUSER))
		return 77;
	if (configure_zeros(16UL << 30, 0) != -ENOSPC)
		return 2;
	if (configure_zeros(16UL << 30, SHARED_REGION_MAX_SLIDE_COUNT + 1) != -E2BIG)
		return 3;
	if (configure_zeros(16UL << 30, (1UL << 28) + 1) != -E2BIG)
		return 4;
	return configure_zeros(MB, 0) ? 5 : 0;
}

TEST_F(lifecycle, a_user_namespace_gets_no_more_memory_than_the_limit)
{
	int round, ret;

	/* what one has left must not count against the next */
	for (round = 0; round < 3; round++) {
		ret = in_child(too_much_in_a_user_namespace, NULL);
		if (ret == 77)
			SKIP(return, "this kernel has no user namespaces");
		EXPECT_EQ(0, ret);
	}
}

TEST_HARNESS_MAIN
