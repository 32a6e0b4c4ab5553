// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Groups 2, 4, 5 and 6 of the kernel tests: what attached processes see.
 */
#include "lib/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#define PAGE	4096UL
#define MB	(1UL << 20)
#define SLOT	(2 * MB)

FIXTURE(region)
{
	struct region region;
	struct shared_region_check check;
};

FIXTURE_SETUP(region)
{
	region_describe(&self->region, 2 * SLOT, MB, MB / 2);
	ASSERT_EQ(0, region_configure(&self->region));
	ASSERT_EQ(0, shared_region_check(self->region.device, 0, &self->check));
}

FIXTURE_TEARDOWN(region)
{
	region_close(&self->region);
}

static long all_wrong(const struct region *region)
{
	return region_wrong_pages(region, 0, (region->text_size + region->data_size + region->rodata_size) / PAGE);
}

static int all_wrong_in_child(void *data)
{
	return !!all_wrong(data);
}

/* A process that attaches by itself: not a child of an attached one. */
static int fresh_is_right(void *data)
{
	struct region *region = data;
	struct shared_region_check check;

	shared_region_detach(region->device);
	if (shared_region_check(region->device, 0, &check))
		return 2;
	return !!all_wrong(region);
}

/* ---- group 2: copy on write ---- */

TEST_F(region, content_is_right_and_slid)
{
	EXPECT_EQ(0, all_wrong(&self->region));
	EXPECT_EQ((uint64_t)region_data(&self->region), *(uint64_t *)region_data(&self->region));
}

TEST_F(region, a_write_is_seen_by_the_writer_only)
{
	char *data = region_data(&self->region);

	data[5000] = 42;
	EXPECT_EQ(42, data[5000]);
	EXPECT_EQ(1, all_wrong(&self->region));
	EXPECT_EQ(0, in_child(fresh_is_right, &self->region));
}

static int write_and_compare(void *data)
{
	struct region *region = data;

	region_data(region)[0] = 99;
	return all_wrong(region) != 1;
}

TEST_F(region, a_childs_write_is_not_seen_by_the_parent)
{
	EXPECT_EQ(0, in_child(write_and_compare, &self->region));
	EXPECT_EQ(0, all_wrong(&self->region));
}

static int grandchild_sees_both(void *data)
{
	struct region *region = data;
	char *at = region_data(region);

	at[PAGE] = 2;
	return in_child(all_wrong_in_child, region) != 1 || at[0] != 1 || at[PAGE] != 2;
}

TEST_F(region, writes_are_inherited_by_fork)
{
	region_data(&self->region)[0] = 1;
	EXPECT_EQ(0, in_child(grandchild_sees_both, &self->region));
	EXPECT_EQ(1, all_wrong(&self->region));
}

#define THREADS	8

struct writer {
	struct region *region;
	unsigned int number;
	pthread_barrier_t *start;
};

static void *write_slots(void *data)
{
	struct writer *writer = data;
	size_t pages = writer->region->data_size / PAGE;

	pthread_barrier_wait(writer->start);
	for (size_t i = 0; i < pages; i++)
		((volatile char *)region_data(writer->region))[i * PAGE + 64 + writer->number] = (char)writer->number;
	return NULL;
}

TEST_F(region, threads_that_write_the_same_slot_lose_nothing)
{
	struct writer writers[THREADS];
	pthread_t threads[THREADS];
	pthread_barrier_t start;
	size_t i;
	long lost = 0;

	pthread_barrier_init(&start, NULL, THREADS);
	for (i = 0; i < THREADS; i++) {
		writers[i] = (struct writer) { &self->region, (unsigned int)i, &start };
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, write_slots, &writers[i]));
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < self->region.data_size / PAGE * THREADS; i++)
		lost += region_data(&self->region)[i / THREADS * PAGE + 64 + i % THREADS] != (char)(i % THREADS);
	EXPECT_EQ(0, lost);
	EXPECT_EQ(0, in_child(fresh_is_right, &self->region));
}

static void *check_and_read(void *data)
{
	struct writer *writer = data;
	struct shared_region_check check;

	pthread_barrier_wait(writer->start);
	if (shared_region_check(writer->region->device, 0, &check))
		return data;
	/* a fault here kills the test */
	touch(region_rodata(writer->region), PAGE);
	return NULL;
}

TEST_F(region, threads_that_attach_at_once_all_find_it_mapped)
{
	struct writer writers[THREADS];
	pthread_t threads[THREADS];
	pthread_barrier_t start;
	int i, turn, bad = 0;
	void *result;

	pthread_barrier_init(&start, NULL, THREADS);
	for (turn = 0; turn < 30; turn++) {
		ASSERT_EQ(0, shared_region_detach(self->region.device));
		for (i = 0; i < THREADS; i++) {
			writers[i] = (struct writer) { &self->region, (unsigned int)i, &start };
			ASSERT_EQ(0, pthread_create(&threads[i], NULL, check_and_read, &writers[i]));
		}
		for (i = 0; i < THREADS; i++) {
			pthread_join(threads[i], &result);
			bad += result != NULL;
		}
	}
	EXPECT_EQ(0, bad);
}

/* ---- group 4: mprotect first, holes at fork ---- */

TEST_F(region, mprotect_before_the_first_touch_counts)
{
	char *data = region_data(&self->region);

	ASSERT_EQ(0, mprotect(data, PAGE, PROT_NONE));
	EXPECT_EQ(SIGSEGV, signal_of_read(data));
	EXPECT_EQ(0, signal_of_read(data + PAGE));
	ASSERT_EQ(0, mprotect(data, PAGE, PROT_READ));
	EXPECT_EQ(0, signal_of_read(data));
	EXPECT_EQ(SIGSEGV, signal_of_write(data));
	EXPECT_EQ(0, all_wrong(&self->region));
}

TEST_F(region, mprotect_after_the_first_touch_counts)
{
	char *data = region_data(&self->region);

	EXPECT_EQ(0, all_wrong(&self->region));
	ASSERT_EQ(0, mprotect(data + PAGE, PAGE, PROT_READ));
	EXPECT_EQ(SIGSEGV, signal_of_write(data + PAGE));
	EXPECT_EQ(0, signal_of_write(data + 2 * PAGE + 100));
	ASSERT_EQ(0, mprotect(data + PAGE, PAGE, PROT_READ | PROT_WRITE));
	EXPECT_EQ(0, signal_of_write(data + PAGE + 100));
	EXPECT_EQ(2, all_wrong(&self->region));
	EXPECT_EQ(0, in_child(fresh_is_right, &self->region));
}

TEST_F(region, mprotect_gives_no_right_that_was_not_configured)
{
	EXPECT_EQ(-1, mprotect(region_text(&self->region), PAGE, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(-1, mprotect(region_data(&self->region), PAGE, PROT_READ | PROT_EXEC));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(-1, mprotect(region_filler(&self->region), PAGE, PROT_READ));
	EXPECT_EQ(EACCES, errno);
}

static int map_into_hole(void *data)
{
	struct region *region = data;
	char *hole = region_data(region) + 16 * PAGE;
	size_t first = region->text_size / PAGE;
	char *map;

	if (signal_of_read(hole) != SIGSEGV)
		return 1;
	touch(region_data(region), 16 * PAGE);
	map = mmap(hole, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (map != hole)
		return 2;
	for (size_t i = 0; i < 16 * PAGE; i++)
		if (hole[i])
			return 3;
	memset(hole, 0x5a, 16 * PAGE);
	return region_wrong_pages(region, first, 16) || region_wrong_pages(region, first + 32, 16) ? 4 : 0;
}

TEST_F(region, a_hole_by_dontfork_can_be_mapped_in_the_child)
{
	ASSERT_EQ(0, madvise(region_data(&self->region) + 16 * PAGE, 16 * PAGE, MADV_DONTFORK));
	EXPECT_EQ(0, in_child(map_into_hole, &self->region));
	EXPECT_EQ(0, all_wrong(&self->region));
	EXPECT_EQ(0, in_child(fresh_is_right, &self->region));
}

/* ---- group 5: munmap and mmap over it ---- */

TEST_F(region, munmap_of_a_part_leaves_the_rest)
{
	EXPECT_EQ(0, all_wrong(&self->region));
	ASSERT_EQ(0, munmap(region_data(&self->region) + 8 * PAGE, 3 * PAGE));
	EXPECT_EQ(SIGSEGV, signal_of_read(region_data(&self->region) + 8 * PAGE));
	EXPECT_EQ(SIGSEGV, signal_of_read(region_data(&self->region) + 10 * PAGE));
	EXPECT_EQ(0, region_wrong_pages(&self->region, self->region.text_size / PAGE, 8));
	EXPECT_EQ(0, region_wrong_pages(&self->region, self->region.text_size / PAGE + 11, 100));
	EXPECT_EQ(0, in_child(fresh_is_right, &self->region));
}

TEST_F(region, an_anonymous_mapping_over_text_is_private)
{
	char *text = region_text(&self->region) + SLOT - 4 * PAGE;
	size_t i;

	EXPECT_EQ(0, all_wrong(&self->region));
	/* across two slots, nothing aligned */
	ASSERT_EQ(text, mmap(text, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	for (i = 0; i < 8 * PAGE; i++)
		ASSERT_EQ(0, text[i]);
	memset(text, 0xff, 8 * PAGE);
	EXPECT_EQ(8, all_wrong(&self->region));
	EXPECT_EQ(0, in_child(fresh_is_right, &self->region));
}

TEST_F(region, a_whole_slot_can_be_replaced)
{
	char *text = region_text(&self->region) + SLOT;

	EXPECT_EQ(0, all_wrong(&self->region));
	ASSERT_EQ(text, mmap(text, SLOT, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	madvise(text, SLOT, MADV_HUGEPAGE);
	memset(text, 1, SLOT);
	EXPECT_EQ(512, all_wrong(&self->region));
	EXPECT_EQ(0, in_child(fresh_is_right, &self->region));
}

TEST_F(region, detach_and_attach_again)
{
	region_data(&self->region)[0] = 7;
	ASSERT_EQ(0, shared_region_detach(self->region.device));
	EXPECT_EQ(SIGSEGV, signal_of_read(region_text(&self->region)));
	EXPECT_EQ(-ENOENT, shared_region_detach(self->region.device));
	ASSERT_EQ(0, shared_region_check(self->region.device, SHARED_REGION_CHECK_EAGER, &self->check));
	EXPECT_EQ(0, all_wrong(&self->region));
}

TEST_F(region, mremap_is_refused_and_harmless)
{
	EXPECT_EQ(0, all_wrong(&self->region));
	EXPECT_EQ(MAP_FAILED, mremap(region_data(&self->region), 16 * PAGE, 16 * PAGE,
				     MREMAP_MAYMOVE | MREMAP_FIXED, (void *)0x10000000UL));
	EXPECT_EQ(0, all_wrong(&self->region));
}

/* ---- group 6: signals ---- */

TEST_F(region, wrong_accesses_raise_sigsegv)
{
	int turn;

	/* before and after the slots are nested */
	for (turn = 0; turn < 2; turn++) {
		EXPECT_EQ(SIGSEGV, signal_of_write(region_text(&self->region)));
		EXPECT_EQ(SIGSEGV, signal_of_write(region_rodata(&self->region)));
		EXPECT_EQ(SIGSEGV, signal_of_call(region_data(&self->region)));
		EXPECT_EQ(SIGSEGV, signal_of_call(region_rodata(&self->region)));
		EXPECT_EQ(SIGSEGV, signal_of_read(region_filler(&self->region)));
		EXPECT_EQ(SIGSEGV, signal_of_write(region_filler(&self->region)));
		EXPECT_EQ(0, all_wrong(&self->region));
	}
}

TEST_F(region, wrong_accesses_by_system_calls_give_efault)
{
	int fds[2];

	ASSERT_EQ(0, pipe(fds));
	EXPECT_EQ(-1, write(fds[1], region_filler(&self->region), 1));
	EXPECT_EQ(EFAULT, errno);
	ASSERT_EQ(5, write(fds[1], region_rodata(&self->region), 5));
	EXPECT_EQ(-1, read(fds[0], region_text(&self->region), 1));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(0, all_wrong(&self->region));
	/* the byte was taken from the pipe or not, as the kernel likes; data can be written by the kernel */
	ASSERT_EQ(1, write(fds[1], "x", 1));
	EXPECT_EQ(1, read(fds[0], region_data(&self->region) + 100, 1));
	EXPECT_EQ(1, all_wrong(&self->region));
	EXPECT_EQ(0, in_child(fresh_is_right, &self->region));
}

TEST_HARNESS_MAIN
