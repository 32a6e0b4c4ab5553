// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Groups 4 and 5: protections, holes and other mappings in slots that several mappings of the region share, with
 * edges anywhere. After each operation every page is looked at, here, in a child, in a fresh and in another process.
 */
#include "lib/witness.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"

#define PAGE	4096UL
#define MB	(1UL << 20)
#define SLOT	(2 * MB)
#define SLOT_PAGES (SLOT / PAGE)

/* Slot 1 has text and data; slot 2 data only; slot 3 data, read-only data and filler. */
#define TEXT	(SLOT / PAGE + 259)
#define DATA	(SLOT / PAGE + 300)
#define RODATA	37UL
#define PAGES	(TEXT + DATA + RODATA)

FIXTURE(mapping)
{
	struct region region;
	struct expected expected;
	struct witness attached, fresh;
	struct shared_region_check check;
};

FIXTURE_SETUP(mapping)
{
	region_describe(&self->region, TEXT * PAGE, DATA * PAGE, RODATA * PAGE);
	ASSERT_EQ(0, region_configure(&self->region));
	ASSERT_EQ(0, expected_compute(&self->expected, &self->region));
	ASSERT_EQ(0, witness_start(&self->attached, WITNESS_ATTACHED, &self->expected));
	ASSERT_EQ(0, witness_start(&self->fresh, WITNESS_FRESH, &self->expected));
}

FIXTURE_TEARDOWN(mapping)
{
	EXPECT_EQ(0, witness_wrong(&self->attached));
	EXPECT_EQ(0, witness_wrong(&self->fresh));
	witness_stop(&self->attached);
	witness_stop(&self->fresh);
	expected_free(&self->expected);
	region_close(&self->region);
}

/* ---- operations on a range, in each state of its slots ---- */

enum state {
	UNTOUCHED,
	NESTED,		/* everything read */
	WRITTEN,	/* one page of each slot of data written, and put back to what it was */
	STATES
};

struct range {
	size_t first, count;	/* pages */
};

struct operation {
	const struct expected *expected;
	char *from;
	size_t first, count;
};

static bool filled_with(const char *page, char byte)
{
	return page[0] == byte && !memcmp(page, page + 1, PAGE - 1);
}

static int unmap(struct operation *op)
{
	if (munmap(op->from, op->count * PAGE))
		return 1;
	for (size_t i = 0; i < op->count; i++)
		if (fault_of_read(op->from + i * PAGE).code != SEGV_MAPERR)
			return 2;
	return 0;
}

static int fill_new_pages(struct operation *op)
{
	for (size_t i = 0; i < op->count; i++)
		if (!filled_with(op->from + i * PAGE, 0))
			return 3;
	memset(op->from, 0x6b, op->count * PAGE);
	for (size_t i = 0; i < op->count; i++)
		if (!filled_with(op->from + i * PAGE, 0x6b))
			return 4;
	return 0;
}

static int map_anonymous(struct operation *op)
{
	void *at = mmap(op->from, op->count * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
			-1, 0);

	madvise(op->from, op->count * PAGE, MADV_HUGEPAGE);
	return at != op->from ? 1 : fill_new_pages(op);
}

static long rest_wrong(const struct operation *op);

static int unmap_and_map(struct operation *op)
{
	int ret = unmap(op);

	if (!ret && rest_wrong(op))
		ret = 10;
	return ret ? ret : map_anonymous(op);
}

/* The file that the region was made of, one page further: nearly the same content in the same place. */
static int map_file(struct operation *op)
{
	int fd = open("/tmp/shared_region_content", O_RDONLY);
	void *at;

	at = mmap(op->from, op->count * PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, (off_t)(op->first + 1) * PAGE);
	close(fd);
	if (at != op->from)
		return 1;
	/* the words after the first, which slides, are those of the file */
	for (size_t i = 0; i < op->count && op->first + i + 1 < PAGES; i++)
		if (memcmp(op->from + i * PAGE + 8, expected_page(op->expected, op->first + i + 1) + 8, PAGE - 8))
			return 2;
	return 0;
}

static int move_there(struct operation *op)
{
	char *other = mmap(NULL, op->count * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memset(other, 0x2e, op->count * PAGE);
	if (mremap(other, op->count * PAGE, op->count * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, op->from) != op->from)
		return 1;
	for (size_t i = 0; i < op->count; i++)
		if (!filled_with(op->from + i * PAGE, 0x2e))
			return 2;
	return 0;
}

static int protect(struct operation *op)
{
	if (mprotect(op->from, op->count * PAGE, PROT_NONE))
		return 1;
	for (size_t i = 0; i < op->count; i++)
		if (fault_of_read(op->from + i * PAGE).code != SEGV_ACCERR)
			return 2;
	if (mprotect(op->from, op->count * PAGE, PROT_READ))
		return 3;
	for (size_t i = 0; i < op->count; i++)
		if (fault_of_write(op->from + i * PAGE).code != SEGV_ACCERR)
			return 4;
	return expected_wrong(op->expected, op->first, op->count) ? 5 : 0;
}

static void bring_to(enum state state, const struct expected *expected)
{
	if (state != UNTOUCHED)
		touch(expected->region->base, PAGES * PAGE);
	for (size_t i = TEXT + 11; state == WRITTEN && i < TEXT + DATA; i += SLOT_PAGES) {
		volatile char *byte = expected->region->base + i * PAGE + 77;

		*byte = *byte;
	}
}

/* All but the range. */
static long rest_wrong(const struct operation *op)
{
	size_t end = op->first + op->count < PAGES ? op->first + op->count : PAGES;

	return expected_wrong(op->expected, 0, op->first < PAGES ? op->first : PAGES) +
	       expected_wrong(op->expected, end, PAGES - end);
}

struct job {
	int (*run)(struct operation *op);
	struct operation op;
	enum state state;
};

static int rest_in_child(void *data)
{
	return !!rest_wrong(data);
}

static int do_job(void *data)
{
	struct job *job = data;
	struct shared_region_check check;
	int ret;

	if (shared_region_check(job->op.expected->region->device, 0, &check))
		return 20;
	bring_to(job->state, job->op.expected);
	ret = job->run(&job->op);
	if (ret)
		return ret;
	if (rest_wrong(&job->op))
		return 21;
	return in_child(rest_in_child, &job->op) || rest_wrong(&job->op) ? 22 : 0;
}

static const struct range ranges[] = {
	{ 0, 1 }, { 5, 3 },				/* text */
	{ SLOT_PAGES - 1, 1 }, { SLOT_PAGES - 3, 7 },	/* end of a slot, across two */
	{ 0, SLOT_PAGES }, { SLOT_PAGES, SLOT_PAGES },	/* whole slots; the second one mixed */
	{ TEXT - 1, 1 }, { TEXT, 1 }, { TEXT - 2, 4 },	/* edge of text and data in one slot */
	{ TEXT - 2, DATA },				/* text to data across three slots */
	{ 2 * SLOT_PAGES, SLOT_PAGES },			/* a slot of data */
	{ TEXT + DATA - 3, RODATA },			/* data and read-only data */
	{ 1, PAGES - 2 },				/* nearly all */
};

/* These also cover fillers, which mprotect must not open. */
static const struct range with_fillers[] = {
	{ TEXT + DATA + RODATA - 1, 2 }, { TEXT + DATA + RODATA, 3 }, { 3 * SLOT_PAGES, SLOT_PAGES },
	{ 0, 4 * SLOT_PAGES },
};

static int for_each_range(const struct expected *expected, int (*run)(struct operation *op),
			  const struct range *range, size_t count, int *jobs)
{
	for (size_t i = 0; i < count; i++) {
		for (int state = 0; state < STATES; state++) {
			struct job job = { run, { expected, expected->region->base + range[i].first * PAGE,
						  range[i].first, range[i].count }, state };
			int ret = in_child(do_job, &job);

			++*jobs;
			if (ret)
				return (int)i * 10000 + state * 1000 + ret;
		}
	}
	return 0;
}

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

/* A result is 10000 * range + 1000 * state + step. */
#define EXPECT_GOOD_EVERYWHERE(run)							\
	do {										\
		int jobs = 0;								\
											\
		EXPECT_EQ(0, for_each_range(&self->expected, run, ranges, COUNT(ranges), &jobs));	\
		EXPECT_EQ(0, for_each_range(&self->expected, run, with_fillers, COUNT(with_fillers), &jobs)); \
		TH_LOG("%d combinations of range and state", jobs);			\
	} while (0)

SLOW_TEST_F(mapping, an_anonymous_mapping_over_it_is_private)
{
	EXPECT_GOOD_EVERYWHERE(map_anonymous);
}

SLOW_TEST_F(mapping, munmap_takes_what_it_names_and_the_hole_can_be_mapped)
{
	EXPECT_GOOD_EVERYWHERE(unmap_and_map);
}

SLOW_TEST_F(mapping, a_file_mapped_over_it_is_that_file)
{
	EXPECT_GOOD_EVERYWHERE(map_file);
}

SLOW_TEST_F(mapping, pages_moved_over_it_are_those)
{
	EXPECT_GOOD_EVERYWHERE(move_there);
}

/* Also group 4: in the state UNTOUCHED it comes before the first touch. */
SLOW_TEST_F(mapping, mprotect_counts_for_what_it_names)
{
	int jobs = 0;

	EXPECT_EQ(0, for_each_range(&self->expected, protect, ranges, COUNT(ranges), &jobs));
	TH_LOG("%d combinations of range and state", jobs);
}

/* ---- group 4: protection keys ---- */

static int key_counts(void *data)
{
	struct job *job = data;
	struct shared_region_check check;
	char *page = job->op.from;
	int key = pkey_alloc(0, 0);

	if (shared_region_check(job->op.expected->region->device, 0, &check))
		return 1;
	bring_to(job->state, job->op.expected);
	if (pkey_mprotect(page, PAGE, PROT_READ, key))
		return 2;
	if (pkey_set(key, PKEY_DISABLE_ACCESS) || fault_of_read(page).code != SEGV_PKUERR)
		return 3;
	if (pkey_set(key, 0) || expected_all_wrong(job->op.expected))
		return 4;
	/* present now: the entry itself must have the key */
	if (pkey_set(key, PKEY_DISABLE_ACCESS) || fault_of_read(page).code != SEGV_PKUERR)
		return 5;
	return 0;
}

SLOW_TEST_F(mapping, a_protection_key_counts_also_before_the_first_touch)
{
	int key = pkey_alloc(0, 0);

	if (key < 0)
		SKIP(return, "no protection keys: %s", strerror(errno));
	pkey_free(key);
	for (int state = 0; state < STATES; state++) {
		/* the same rights and another key: nothing else changes */
		struct job text = { NULL, { &self->expected, self->region.base + (TEXT + DATA + 3) * PAGE,
					    TEXT + DATA + 3, 1 }, state };

		EXPECT_EQ(0, in_child(key_counts, &text)) TH_LOG("state %d", state);
	}
}

/* ---- group 4: holes at fork ---- */

struct hole {
	const struct expected *expected;
	char *from;
	size_t first, count;
	int (*run)(struct operation *op);
};

static int use_hole(void *data)
{
	struct hole *hole = data;
	struct operation op = { hole->expected, hole->from, hole->first, hole->count };

	for (size_t i = 0; i < op.count; i++)
		if (fault_of_read(op.from + i * PAGE).code != SEGV_MAPERR)
			return 2;
	/* the neighbours first: their slot is not nested while it has a hole */
	if (rest_wrong(&op))
		return 3;
	if (hole->run(&op))
		return 4;
	if (rest_wrong(&op))
		return 5;
	return in_child(rest_in_child, &op) ? 6 : 0;
}

static int fork_with_hole(void *data)
{
	struct job *job = data;
	struct hole hole = { job->op.expected, job->op.from, job->op.first, job->op.count, job->run };
	struct shared_region_check check;
	int ret;

	if (shared_region_check(job->op.expected->region->device, 0, &check))
		return 20;
	bring_to(job->state, job->op.expected);
	if (madvise(job->op.from, job->op.count * PAGE, MADV_DONTFORK))
		return 21;
	ret = in_child(use_hole, &hole);
	if (ret)
		return ret;
	return expected_all_wrong(job->op.expected) ? 22 : 0;
}

SLOW_TEST_F(mapping, holes_of_dontfork_can_be_filled_in_the_child)
{
	int (*const runs[])(struct operation *) = { map_anonymous, map_file, move_there };
	int jobs = 0;

	for (size_t i = 0; i < COUNT(ranges); i++) {
		for (int state = 0; state < STATES; state++) {
			char *from = self->region.base + ranges[i].first * PAGE;
			struct job job = { runs[jobs % 3],
					   { &self->expected, from, ranges[i].first, ranges[i].count }, state };

			ASSERT_EQ(0, in_child(fork_with_hole, &job)) TH_LOG("range %zu state %d", i, state);
			jobs++;
		}
	}
	TH_LOG("%d combinations of hole and state", jobs);
}

static int is_detached_and_can_attach(void *data)
{
	const struct expected *expected = data;
	struct shared_region_check check;
	struct shared_region_query query;

	if (shared_region_query(expected->region->device, &query) || (query.flags & SHARED_REGION_QUERY_ATTACHED))
		return 1;
	if (fault_of_read(expected->region->base).code != SEGV_MAPERR)
		return 2;
	if (shared_region_check(expected->region->device, 0, &check))
		return 3;
	return expected_all_wrong(expected) ? 4 : 0;
}

SLOW_TEST_F(mapping, a_child_without_any_of_it_is_not_attached)
{
	ASSERT_EQ(0, shared_region_check(self->region.device, SHARED_REGION_CHECK_EAGER, &self->check));
	ASSERT_EQ(0, madvise(self->region.base, self->region.size, MADV_DONTFORK));
	EXPECT_EQ(0, in_child(is_detached_and_can_attach, &self->expected));
	EXPECT_EQ(0, expected_all_wrong(&self->expected));
}

TEST_HARNESS_MAIN
