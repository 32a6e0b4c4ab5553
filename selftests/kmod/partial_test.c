// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * CHECK of a part of the region: up to a limit, without fillers, and writable only where the process asks for it.
 */
#include "lib/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#define PAGE	4096UL
#define MB	(1UL << 20)
#define SLOT	(2 * MB)
#define PAGES	(1280UL)	/* with content: 5 MiB, then a filler up to 6 */
#define FIRST	600UL		/* on request: FIRST_COUNT pages in the second slot, which slide */
#define FIRST_COUNT	40UL
#define SECOND	1000UL		/* likewise, over the edge of the second slot */
#define SECOND_COUNT	100UL

FIXTURE(part)
{
	struct region region;
	struct shared_region_check check;
	struct shared_region_request requests[4];
};

/* One text from end to end; some of it on request. The first page of FIRST slides. */
FIXTURE_SETUP(part)
{
	struct region *region = &self->region;

	region_describe(region, PAGES * PAGE, 0, 0);
	region->request.mapping_count = 1;
	region_put_on_request(region, FIRST * PAGE, FIRST_COUNT * PAGE, "first");
	region_put_on_request(region, SECOND * PAGE, SECOND_COUNT * PAGE, "second");
	ASSERT_EQ(0, region_configure(region));
	self->check.requests = (uint64_t)self->requests;
	memcpy(self->check.uuid, region->request.uuid, sizeof(self->check.uuid));
}

FIXTURE_TEARDOWN(part)
{
	region_close(&self->region);
}

static void ask(struct _test_data_part *self, uint32_t page, uint32_t count)
{
	self->requests[self->check.request_count++] = (struct shared_region_request){ page, count };
}

static int check(struct _test_data_part *self)
{
	return shared_region_check_part(self->region.device, &self->check);
}

/* VMAs in the region's range, with their rights as in /proc/PID/maps: "r-x 0-600 rw- 600-610". */
static const char *map_of(const struct region *region)
{
	static char text[4096];
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long start, end, base = (unsigned long)region->base;
	char line[512], rights[8];
	size_t length = 0;

	text[0] = 0;
	while (fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %7s", &start, &end, rights) == 3 && start >= base && start < base + region->size)
			length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%.3s %lu-%lu", length ? " " : "",
						   rights, (start - base) / PAGE, (end - base) / PAGE);
	fclose(maps);
	return text;
}

static char *page_at(struct _test_data_part *self, size_t page)
{
	return self->region.base + page * PAGE;
}

TEST_F(part, without_requests_is_one_text_and_the_filler)
{
	ASSERT_EQ(0, check(self));
	EXPECT_STREQ("r-x 0-1280 --- 1280-1536", map_of(&self->region));
	EXPECT_EQ(0, region_wrong_pages(&self->region, 0, PAGES));
	EXPECT_EQ(SIGSEGV, signal_of_write(page_at(self, FIRST)));
	EXPECT_EQ(-1, mprotect(page_at(self, FIRST), PAGE, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
}

TEST_F(part, pages_on_request_are_not_executed_where_nobody_asked_for_them)
{
	ASSERT_EQ(0, check(self));
	EXPECT_EQ(0, signal_of_call(page_at(self, FIRST - 1)));
	EXPECT_EQ(SIGSEGV, signal_of_call(page_at(self, FIRST)));
	EXPECT_EQ(0, region_wrong_pages(&self->region, 0, PAGES));
}

TEST_F(part, requests_are_mapped_writable_and_the_rest_is_not)
{
	ask(self, FIRST, 10);
	ask(self, FIRST + 20, 20);
	ask(self, SECOND + 1, 99);
	ASSERT_EQ(0, check(self));
	EXPECT_STREQ("r-x 0-600 rw- 600-610 r-x 610-620 rw- 620-640 r-x 640-1001 rw- 1001-1100 r-x 1100-1280 --- 1280-1536",
		     map_of(&self->region));
	EXPECT_EQ(0, region_wrong_pages(&self->region, 0, PAGES));
	for (size_t page = FIRST; page < FIRST + 10; page++)
		EXPECT_EQ(0, signal_of_write(page_at(self, page)));
	EXPECT_EQ(0, signal_of_write(page_at(self, SECOND + SECOND_COUNT - 1)));
	EXPECT_EQ(SIGSEGV, signal_of_write(page_at(self, FIRST + 10)));
	EXPECT_EQ(SIGSEGV, signal_of_write(page_at(self, SECOND)));
	EXPECT_EQ(11, region_wrong_pages(&self->region, 0, PAGES));
	EXPECT_EQ(SIGSEGV, signal_of_call(page_at(self, FIRST + 5)));
}

TEST_F(part, rights_are_those_of_the_piece)
{
	ask(self, FIRST, FIRST_COUNT);
	ASSERT_EQ(0, check(self));
	EXPECT_EQ(-1, mprotect(page_at(self, FIRST), PAGE, PROT_READ | PROT_EXEC));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(0, signal_of_write(page_at(self, FIRST + 2)));
	EXPECT_EQ(0, mprotect(page_at(self, FIRST), 4 * PAGE, PROT_READ));
	EXPECT_EQ(SIGSEGV, signal_of_write(page_at(self, FIRST + 2)));
	EXPECT_EQ(0, mprotect(page_at(self, FIRST), 4 * PAGE, PROT_READ | PROT_WRITE));
	EXPECT_EQ(0, signal_of_write(page_at(self, FIRST)));
	EXPECT_EQ(-1, mprotect(page_at(self, FIRST + FIRST_COUNT), PAGE, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(0, mprotect(page_at(self, FIRST + FIRST_COUNT), PAGE, PROT_READ));
	EXPECT_EQ(SIGSEGV, signal_of_call(page_at(self, FIRST + FIRST_COUNT)));
	EXPECT_EQ(2, region_wrong_pages(&self->region, 0, PAGES));
}

TEST_F(part, a_limit_leaves_the_rest_unmapped)
{
	self->check.limit = 2 * SLOT;
	ask(self, FIRST, 1);
	ask(self, SECOND, 24);
	ASSERT_EQ(0, check(self));
	EXPECT_EQ(self->region.size, self->check.region_size);
	EXPECT_STREQ("r-x 0-600 rw- 600-601 r-x 601-1000 rw- 1000-1024", map_of(&self->region));
	EXPECT_EQ(0, region_wrong_pages(&self->region, 0, 1024));
	EXPECT_EQ(SIGSEGV, signal_of_read(page_at(self, 1024)));
}

TEST_F(part, a_limit_behind_the_region_is_none)
{
	self->check.limit = 1UL << 40;
	ASSERT_EQ(0, check(self));
	EXPECT_STREQ("r-x 0-1280 --- 1280-1536", map_of(&self->region));
}

TEST_F(part, sparse_has_no_fillers)
{
	void *filler = page_at(self, PAGES + 5);

	ASSERT_EQ(filler, mmap(filler, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
	self->check.flags = SHARED_REGION_CHECK_SPARSE | SHARED_REGION_CHECK_EAGER;
	ask(self, FIRST, 3);
	ASSERT_EQ(0, check(self));
	EXPECT_STREQ("r-x 0-600 rw- 600-603 r-x 603-1280 r-- 1285-1286", map_of(&self->region));
	EXPECT_EQ(0, region_wrong_pages(&self->region, 0, PAGES));
	EXPECT_EQ(0, shared_region_detach(self->region.device));
	EXPECT_STREQ("", map_of(&self->region));
}

TEST_F(part, slots_with_pieces_are_nested_until_one_is_written)
{
	struct shared_region_query query;
	long before, vmpte;

	self->check.flags = SHARED_REGION_CHECK_EAGER;
	ask(self, FIRST, FIRST_COUNT);
	ask(self, SECOND, SECOND_COUNT);
	vmpte = status_number("VmPTE:");
	ASSERT_EQ(0, check(self));
	before = minor_faults();
	touch(self->region.base, PAGES * PAGE);
	EXPECT_EQ(before, minor_faults());
	EXPECT_GE(vmpte + 12, status_number("VmPTE:"));	/* upper levels */
	ASSERT_EQ(0, shared_region_query(self->region.device, &query));
	EXPECT_EQ(0, query.unnested);
	EXPECT_EQ(1, query.leaves);	/* the other two hold pages on request */
	EXPECT_EQ(0, signal_of_write(page_at(self, FIRST)));
	ASSERT_EQ(0, shared_region_query(self->region.device, &query));
	EXPECT_EQ(1, query.unnested);
}

TEST_F(part, a_wrong_uuid_is_estale_and_maps_nothing)
{
	self->check.flags = SHARED_REGION_CHECK_UUID;
	self->check.uuid[3] ^= 1;
	EXPECT_EQ(-ESTALE, check(self));
	EXPECT_STREQ("", map_of(&self->region));
	self->check.uuid[3] ^= 1;
	ASSERT_EQ(0, check(self));
	EXPECT_EQ(0, check(self));
	self->check.uuid[3] ^= 1;
	EXPECT_EQ(-ESTALE, check(self));
}

TEST_F(part, an_attached_process_gets_no_other_part)
{
	self->check.limit = SLOT;
	ASSERT_EQ(0, check(self));
	EXPECT_EQ(-EBUSY, check(self));
	self->check.limit = 0;
	EXPECT_EQ(0, check(self));
	self->check.flags = SHARED_REGION_CHECK_SPARSE;
	EXPECT_EQ(-EBUSY, check(self));
	self->check.flags = 0;
	ask(self, FIRST, 1);
	EXPECT_EQ(-EBUSY, check(self));
	EXPECT_STREQ("r-x 0-512", map_of(&self->region));
	ASSERT_EQ(0, shared_region_detach(self->region.device));
	EXPECT_EQ(0, check(self));
}

#define REFUSED(name, error, change)				\
	TEST_F(part, name##_is_refused)				\
	{							\
		change;						\
		EXPECT_EQ(-(error), check(self));		\
		EXPECT_STREQ("", map_of(&self->region));	\
	}

REFUSED(an_unaligned_limit, EINVAL, self->check.limit = SLOT + PAGE)
REFUSED(a_reserved_field, EINVAL, self->check.reserved = 1)
REFUSED(an_unknown_flag, EINVAL, self->check.flags = 1U << 4)
REFUSED(a_request_that_cannot_be_read, EFAULT, ask(self, FIRST, 1); self->check.requests = 8)
REFUSED(too_many_requests, E2BIG, self->check.request_count = SHARED_REGION_MAX_REQUESTS + 1)
REFUSED(a_count_that_wraps, E2BIG, self->check.request_count = 1U << 31)
REFUSED(an_empty_request, EINVAL, ask(self, FIRST, 0))
REFUSED(a_request_for_text, EINVAL, ask(self, FIRST - 1, 1))
REFUSED(a_request_that_begins_in_text, EINVAL, ask(self, FIRST - 1, 2))
REFUSED(a_request_that_ends_in_text, EINVAL, ask(self, FIRST, FIRST_COUNT + 1))
REFUSED(a_request_over_two_mappings, EINVAL, ask(self, FIRST, (uint32_t)(SECOND + 1 - FIRST)))
REFUSED(a_request_behind_the_last_mapping, EINVAL, ask(self, SECOND + SECOND_COUNT, 1))
REFUSED(a_request_outside_of_the_region, EINVAL, ask(self, 1U << 31, 1))
REFUSED(a_request_that_wraps, EINVAL, ask(self, FIRST, ~0U))
REFUSED(requests_that_fall, EINVAL, ask(self, SECOND, 1); ask(self, FIRST, 1))
REFUSED(requests_that_overlap, EINVAL, ask(self, FIRST, 2); ask(self, FIRST + 1, 2))
REFUSED(a_request_given_twice, EINVAL, ask(self, FIRST, 2); ask(self, FIRST, 2))
REFUSED(a_request_behind_the_limit, EINVAL, ask(self, SECOND, 25); self->check.limit = 2 * SLOT)

TEST_F(part, something_in_the_way_is_eexist_and_stays)
{
	void *inside = page_at(self, SECOND + 10);

	ASSERT_EQ(inside, mmap(inside, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
	ask(self, FIRST, FIRST_COUNT);
	EXPECT_EQ(-EEXIST, check(self));
	EXPECT_STREQ("r-- 1010-1011", map_of(&self->region));
}

static int compare_and_write(void *data)
{
	struct _test_data_part *self = data;

	if (region_wrong_pages(&self->region, 0, PAGES) != 1)
		return 1;
	*page_at(self, FIRST + 7) = 77;
	*page_at(self, SECOND + 50) = 77;
	return region_wrong_pages(&self->region, 0, PAGES) != 3;
}

TEST_F(part, a_child_has_the_same_part_and_its_own_copies)
{
	ask(self, FIRST, FIRST_COUNT);
	ask(self, SECOND, SECOND_COUNT);
	ASSERT_EQ(0, check(self));
	ASSERT_EQ(0, signal_of_write(page_at(self, FIRST + 3)));
	EXPECT_EQ(0, in_child(compare_and_write, self));
	EXPECT_EQ(1, region_wrong_pages(&self->region, 0, PAGES));
}

TEST_F(part, all_requests_that_there_can_be)
{
	struct shared_region_request *many = calloc(FIRST_COUNT, sizeof(*many));

	for (uint32_t i = 0; i < FIRST_COUNT; i++)
		many[i] = (struct shared_region_request){ FIRST + i, 1 };
	self->check.requests = (uint64_t)many;
	self->check.request_count = FIRST_COUNT;
	ASSERT_EQ(0, check(self));
	for (uint32_t i = 0; i < FIRST_COUNT; i++)
		EXPECT_EQ(0, signal_of_write(page_at(self, FIRST + i)));
	EXPECT_EQ((long)FIRST_COUNT, region_wrong_pages(&self->region, 0, PAGES));
	free(many);
}

TEST_F(part, words_on_request_slide)
{
	struct region other;
	uint64_t word = (uint64_t)2 * PAGE;
	char expected[PAGE];

	region_close(&self->region);
	self->region.slide = NULL;
	self->region.device = -1;
	region_describe(&other, 16 * PAGE, 0, 0);
	other.request.mapping_count = 1;
	region_put_on_request(&other, 2 * PAGE, PAGE, NULL);
	other.mappings[1].slide = (uint64_t)&word;
	other.mappings[1].slide_count = 1;
	usleep(100000);		/* the one of the fixture goes at once */
	ASSERT_EQ(0, region_configure(&other));
	self->region.device = other.device;
	memset(&self->check, 0, sizeof(self->check));
	ASSERT_EQ(0, check(self));
	EXPECT_EQ(1, region_wrong_pages(&other, 0, 16));
	region_expected_page(&other, 2, expected);
	*(uint64_t *)expected += (uint64_t)other.base;
	EXPECT_EQ(0, memcmp(expected, other.base + 2 * PAGE, PAGE));
}

TEST_HARNESS_MAIN
