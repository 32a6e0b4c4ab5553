// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Group 3: no CPU goes on reading the region's page after its process has another one there.
 *
 * A thread on one CPU reads one word all the time, with the number of the change that it knows to be complete. The
 * main thread on another CPU changes what is mapped there. A stale read is an old value with a new number. The
 * negative control leaves out the module's flush and must see stale reads: else this test shows nothing.
 * Sharpest with pti=off nopcid, when nothing else flushes.
 */
#include "lib/fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#define PAGE	4096UL
#define MB	(1UL << 20)
#define SLOT	(2 * MB)
#define TURNS	60

struct reader {
	volatile uint64_t *word;
	uint64_t old_value;
	atomic_int changed;	/* the change is complete */
	atomic_int reading;	/* the reader may read */
	atomic_int idle;	/* it does not */
	atomic_int stop;
	atomic_long reads;
	atomic_long stale;
};

static void *read_all_the_time(void *data)
{
	struct reader *reader = data;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(1, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	while (!atomic_load(&reader->stop)) {
		if (!atomic_load(&reader->reading)) {
			atomic_store(&reader->idle, 1);
			continue;
		}
		int changed = atomic_load(&reader->changed);
		uint64_t value = *reader->word;

		atomic_fetch_add(&reader->reads, 1);
		if (changed && value == reader->old_value)
			atomic_fetch_add(&reader->stale, 1);
	}
	return NULL;
}

FIXTURE(coherence)
{
	struct region region;
	struct shared_region_check check;
	struct reader reader;
	pthread_t thread;
	char *page;
};

FIXTURE_SETUP(coherence)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(cpus), &cpus));
	memset(&self->reader, 0, sizeof(self->reader));
	region_describe(&self->region, SLOT, MB, 0);
	ASSERT_EQ(0, region_configure(&self->region));
	self->page = region_data(&self->region) + 7 * PAGE;
	self->reader.word = (uint64_t *)(self->page + 8);
	ASSERT_EQ(0, pthread_create(&self->thread, NULL, read_all_the_time, &self->reader));
}

FIXTURE_TEARDOWN(coherence)
{
	atomic_store(&self->reader.reading, 0);
	atomic_store(&self->reader.stop, 1);
	pthread_join(self->thread, NULL);
	region_close(&self->region);
}

static void wait_for_reads(struct reader *reader, long count)
{
	long until = atomic_load(&reader->reads) + count;

	while (atomic_load(&reader->reads) < until)
		sched_yield();
}

typedef int (*change_fn)(struct region *region, char *page);

/* Attach, let the reader get its translation, change, look for stale reads, detach. Returns how many there were. */
static long stale_reads(struct region *region, struct reader *reader, char *page, change_fn change)
{
	struct shared_region_check check;
	int turn;

	for (turn = 0; turn < TURNS; turn++) {
		if (shared_region_check(region->device, SHARED_REGION_CHECK_EAGER, &check))
			return -1;
		reader->old_value = *reader->word;
		atomic_store(&reader->changed, 0);
		atomic_store(&reader->idle, 0);
		atomic_store(&reader->reading, 1);
		wait_for_reads(reader, 200);
		if (change(region, page))
			return -2;
		atomic_store(&reader->changed, 1);
		wait_for_reads(reader, 200);
		atomic_store(&reader->reading, 0);
		atomic_store(&reader->idle, 0);
		while (!atomic_load(&reader->idle))
			sched_yield();
		if (shared_region_detach(region->device))
			return -3;
		munmap(page, PAGE);
	}
	return atomic_load(&reader->stale);
}

static int write_it(struct region *region, char *page)
{
	(void)region;
	*(volatile uint64_t *)(page + 8) = 42;
	return 0;
}

static int map_over(struct region *region, char *page)
{
	(void)region;
	if (mmap(page, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != page)
		return 1;
	return write_it(region, page);
}

static int map_over_the_slot(struct region *region, char *page)
{
	char *from = region_data(region);

	if (mmap(from, MB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != from)
		return 1;
	return write_it(region, page);
}

static int unmap_a_neighbour_and_write(struct region *region, char *page)
{
	return munmap(page + 4 * PAGE, PAGE) || write_it(region, page);
}

static int protect_and_write(struct region *region, char *page)
{
	return mprotect(page, PAGE, PROT_READ) || mprotect(page, PAGE, PROT_READ | PROT_WRITE) ||
	       write_it(region, page);
}

static int fork_and_write(struct region *region, char *page)
{
	pid_t pid = fork();

	if (!pid)
		_exit(write_it(region, page));
	waitpid(pid, NULL, 0);
	return write_it(region, page);
}

#define NO_STALE_READ(change)									\
	TEST_F(coherence, change##_leaves_no_stale_read)					\
	{											\
		EXPECT_EQ(0, stale_reads(&self->region, &self->reader, self->page, change));	\
		TH_LOG("%ld reads", atomic_load(&self->reader.reads));				\
	}

NO_STALE_READ(write_it)
NO_STALE_READ(map_over)
NO_STALE_READ(map_over_the_slot)
NO_STALE_READ(unmap_a_neighbour_and_write)
NO_STALE_READ(protect_and_write)
NO_STALE_READ(fork_and_write)

static int set_no_flush(const char *value)
{
	int fd = open("/sys/module/shared_region/parameters/debug_no_flush", O_WRONLY);
	int ret = write(fd, value, 1) != 1;

	close(fd);
	return ret;
}

TEST_F(coherence, negative_control_without_the_flush_there_are_stale_reads)
{
	long stale;

	ASSERT_EQ(0, set_no_flush("Y"));
	stale = stale_reads(&self->region, &self->reader, self->page, map_over);
	ASSERT_EQ(0, set_no_flush("N"));
	TH_LOG("%ld stale of %ld reads", stale, atomic_load(&self->reader.reads));
	EXPECT_LT(0, stale);
}

TEST_HARNESS_MAIN
