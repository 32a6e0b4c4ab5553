// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Group 3: no CPU goes on reading the region's page after its process has another one there.
 *
 * A thread on one CPU reads one word all the time, with the number of the change that it knows to be complete. The
 * main thread on another CPU changes what is mapped there. A stale read is an old value with a new number. The
 * negative controls leave out the module's flush and must see stale reads: else this test shows nothing. Where the
 * page is gone or not readable, the reader has to get a signal: any value is stale.
 * Sharpest with pti=off nopcid, when nothing else flushes.
 */
#include "lib/fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"

#define PAGE	4096UL
#define MB	(1UL << 20)
#define SLOT	(2 * MB)
#define TURNS	60
#define MIN_TURNS 10	/* also on a machine that is so busy that they take more than SECONDS */
#define SECONDS	3

struct reader {
	volatile uint64_t *word;
	uint64_t old_value;
	atomic_int changed;	/* the change is complete */
	atomic_int reading;	/* the reader may read */
	atomic_int idle;	/* it does not */
	atomic_int stop;
	atomic_long reads;
	atomic_long stale;
	atomic_long signals;
};

static sigjmp_buf after_signal;		/* only the reader is expected to get one */

static void on_signal(int number)
{
	(void)number;
	siglongjmp(after_signal, 1);
}

static void *read_all_the_time(void *data)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_NODEFER };
	struct reader *reader = data;
	cpu_set_t cpus;

	sigaction(SIGSEGV, &action, NULL);
	CPU_ZERO(&cpus);
	CPU_SET(1, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	if (sigsetjmp(after_signal, 0)) {
		atomic_fetch_add(&reader->reads, 1);
		atomic_fetch_add(&reader->signals, 1);
	}
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
	time_t start = time(NULL);
	int turn;

	for (turn = 0; turn < TURNS && (turn < MIN_TURNS || time(NULL) < start + SECONDS); turn++) {
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
		munmap(region->base, region->size);
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

static int map_over_bytes(struct region *region, size_t bytes, char *page)
{
	char *from = region_data(region);

	if (mmap(from, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != from)
		return 1;
	return write_it(region, page);
}

static int map_over_the_data(struct region *region, char *page)
{
	return map_over_bytes(region, MB, page);
}

/* The only change that needs the module's own flush: all other ones leave a table, which mm code flushes. */
static int map_over_the_slot(struct region *region, char *page)
{
	return map_over_bytes(region, SLOT, page);
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

static int fork_and_map_over(struct region *region, char *page)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	/* the slot is hidden, or the reader has had it nested again */
	if (map_over(region, page))
		return 1;
	waitpid(pid, NULL, 0);
	return 0;
}

static int unmap_the_page(struct region *region, char *page)
{
	(void)region;
	return munmap(page, PAGE);
}

static int unmap_some(struct region *region, char *page)
{
	(void)region;
	return munmap(page - 3 * PAGE, 50 * PAGE);
}

static int unmap_all(struct region *region, char *page)
{
	(void)page;
	return munmap(region->base, region->size);
}

static int detach_and_map(struct region *region, char *page)
{
	return shared_region_detach(region->device) || map_over(region, page);
}

static int protect_from_reading(struct region *region, char *page)
{
	(void)region;
	return mprotect(page, PAGE, PROT_NONE);
}

static int move_over(struct region *region, char *page)
{
	char *other = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)region;
	*(volatile uint64_t *)(other + 8) = 43;
	return mremap(other, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, page) != page;
}

#define NO_STALE_READ(change, signals_too)							\
	SLOW_TEST_F(coherence, change##_leaves_no_stale_read)					\
	{											\
		EXPECT_EQ(0, stale_reads(&self->region, &self->reader, self->page, change));	\
		EXPECT_EQ(signals_too, atomic_load(&self->reader.signals) > 0);			\
		TH_LOG("%ld reads, %ld signals", atomic_load(&self->reader.reads),		\
		       atomic_load(&self->reader.signals));					\
	}

NO_STALE_READ(write_it, false)
NO_STALE_READ(map_over, false)
NO_STALE_READ(map_over_the_data, false)
NO_STALE_READ(map_over_the_slot, false)
NO_STALE_READ(move_over, false)
NO_STALE_READ(unmap_a_neighbour_and_write, false)
NO_STALE_READ(unmap_the_page, true)
NO_STALE_READ(unmap_some, true)
NO_STALE_READ(unmap_all, true)
NO_STALE_READ(detach_and_map, true)
NO_STALE_READ(protect_and_write, false)
NO_STALE_READ(protect_from_reading, true)
NO_STALE_READ(fork_and_write, false)
NO_STALE_READ(fork_and_map_over, false)

/* Text in a slot of its own: a leaf of 2 MiB. */
static long stale_reads_of_text(struct region *region, struct reader *reader, change_fn change)
{
	char *page = region_text(region) + 7 * PAGE;
	struct shared_region_query query;

	if (shared_region_query(region->device, &query) || !query.leaves)
		return -4;
	reader->word = (uint64_t *)(page + 8);
	return stale_reads(region, reader, page, change);
}

static int unmap_and_map_a_neighbour_and_it(struct region *region, char *page)
{
	(void)region;
	return munmap(page - 2 * PAGE, 4 * PAGE) || map_over(region, page);
}

#define NO_STALE_READ_OF_A_LEAF(change)									\
	TEST_F(coherence, change##_in_a_leaf_leaves_no_stale_read)					\
	{												\
		EXPECT_EQ(0, stale_reads_of_text(&self->region, &self->reader, change));		\
		TH_LOG("%ld reads", atomic_load(&self->reader.reads));					\
	}

NO_STALE_READ_OF_A_LEAF(map_over)
NO_STALE_READ_OF_A_LEAF(unmap_and_map_a_neighbour_and_it)
NO_STALE_READ_OF_A_LEAF(fork_and_map_over)

static int set_no_flush(const char *value)
{
	int fd = open("/sys/module/shared_region/parameters/debug_no_flush", O_WRONLY);
	int ret = write(fd, value, 1) != 1;

	close(fd);
	return ret;
}

/*
 * Only where nothing but the module flushes: a slot of which a part stays mapped has a table of its own, and munmap
 * of all frees page tables, for which mm code flushes itself.
 */
#define NEGATIVE_CONTROL(change)								\
	SLOW_TEST_F(coherence, negative_control_without_the_flush_##change##_leaves_stale_reads)	\
	{											\
		long stale;									\
												\
		ASSERT_EQ(0, set_no_flush("Y"));						\
		stale = stale_reads(&self->region, &self->reader, self->page, change);		\
		ASSERT_EQ(0, set_no_flush("N"));						\
		TH_LOG("%ld stale of %ld reads", stale, atomic_load(&self->reader.reads));	\
		EXPECT_LT(0, stale);								\
	}

NEGATIVE_CONTROL(map_over_the_slot)

TEST_F(coherence, negative_control_of_a_leaf_without_the_flush_there_are_stale_reads)
{
	long stale;

	ASSERT_EQ(0, set_no_flush("Y"));
	stale = stale_reads_of_text(&self->region, &self->reader, map_over);
	ASSERT_EQ(0, set_no_flush("N"));
	TH_LOG("%ld stale of %ld reads", stale, atomic_load(&self->reader.reads));
	EXPECT_LT(0, stale);
}

TEST_HARNESS_MAIN
