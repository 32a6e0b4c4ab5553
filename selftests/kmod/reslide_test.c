// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Crashes inside a region are counted; after some of them new processes get another region with another slide, and those
 * that have the old one keep it.
 */
#include "lib/fixture.h"
#include "lib/module.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#define PAGE	4096UL
#define MB	(1UL << 20)
#define SLOT	(2 * MB)
#define PAGES	((SLOT + MB + MB / 2) / PAGE)

FIXTURE(reslide)
{
	int fd;
	int log;
	struct region region;
	struct shared_region_check check;
	struct shared_region_query query;
};

static int set_number(const char *parameter, const char *value)
{
	char path[128] = PARAMETERS;

	strcat(path, parameter);
	return write_string(path, value);
}

FIXTURE_SETUP(reslide)
{
	ASSERT_EQ(0, set_number("reslide_after", "3"));
	ASSERT_EQ(0, set_number("reslide_interval", "0"));
	self->fd = shared_region_open();
	self->log = log_begin();
	region_describe(&self->region, SLOT, MB, MB / 2);
	ASSERT_EQ(0, region_configure(&self->region));
}

FIXTURE_TEARDOWN(reslide)
{
	set_number("reslide_after", "0");
	set_number("reslide_interval", "60");
	region_close(&self->region);
	close(self->fd);
	close(self->log);
}

/* ---- ways to crash, each in a child that attaches by itself ---- */

static int attach(struct region *region)
{
	struct shared_region_check check;

	return shared_region_check(region->device, 0, &check) ? 1 : 0;
}

static int read_filler(void *data)
{
	struct region *region = data;

	return attach(region) ?: *(volatile char *)region_filler(region);
}

static int write_text(void *data)
{
	struct region *region = data;

	if (attach(region))
		return 1;
	*(volatile char *)region_text(region) = 1;
	return 0;
}

static int jump_to_nothing(void *data)
{
	struct region *region = data;

	if (attach(region) || munmap(region_text(region) + MB, PAGE))
		return 1;
	((void (*)(void))(region_text(region) + MB))();
	return 0;
}

static int read_outside(void *data)
{
	return attach(data) ?: *(volatile char *)8;
}

static int read_behind(void *data)
{
	struct region *region = data;

	return attach(region) ?: *(volatile char *)(region->base + region->size);
}

static int not_attached(void *data)
{
	struct region *region = data;

	return *(volatile char *)region->base;
}

static int killed_by_user(void *data)
{
	return attach(data) ?: kill(getpid(), SIGSEGV);
}

static int handled(void *data)
{
	struct region *region = data;
	int turn, wrong = attach(region);

	for (turn = 0; turn < 20; turn++)
		wrong += signal_of_read(region_filler(region)) != SIGSEGV;
	return wrong;
}

static int handled_by_threads_and_forks(void *data)
{
	struct region *region = data;

	if (attach(region) || signal_of_read(region_filler(region)) != SIGSEGV)
		return 1;
	/* a child has an address space of its own: it counts by itself */
	return in_child(handled, region);
}

static unsigned int crashes(int fd)
{
	struct shared_region_query query;

	return shared_region_query(fd, &query) ? ~0U : query.crashes;
}

TEST_F(reslide, crashes_in_the_region_are_counted)
{
	ASSERT_EQ(0, set_number("reslide_after", "0"));
	EXPECT_EQ(128 + SIGSEGV, in_child(read_filler, &self->region));
	EXPECT_EQ(1, crashes(self->fd));
	EXPECT_EQ(128 + SIGSEGV, in_child(write_text, &self->region));
	EXPECT_EQ(2, crashes(self->fd));
	EXPECT_EQ(128 + SIGSEGV, in_child(jump_to_nothing, &self->region));
	EXPECT_EQ(3, crashes(self->fd));
}

TEST_F(reslide, other_signals_are_not_counted)
{
	EXPECT_EQ(128 + SIGSEGV, in_child(read_outside, &self->region));
	EXPECT_EQ(128 + SIGSEGV, in_child(read_behind, &self->region));
	EXPECT_EQ(128 + SIGSEGV, in_child(not_attached, &self->region));
	EXPECT_EQ(128 + SIGSEGV, in_child(killed_by_user, &self->region));
	EXPECT_EQ(0, crashes(self->fd));
}

TEST_F(reslide, a_process_counts_once_handled_or_not)
{
	EXPECT_EQ(0, in_child(handled, &self->region));
	EXPECT_EQ(1, crashes(self->fd));
	ASSERT_EQ(0, set_number("reslide_after", "0"));
	EXPECT_EQ(0, in_child(handled_by_threads_and_forks, &self->region));
	EXPECT_EQ(3, crashes(self->fd));
}

/* ---- retiring ---- */

static void crash(struct region *region, int times)
{
	while (times-- > 0)
		in_child(read_filler, region);
}

static int all_right(void *data)
{
	struct region *region = data;
	struct shared_region_check check;

	return region_wrong_pages(region, 0, PAGES) || shared_region_check(region->device, 0, &check) ||
	       check.base != (uint64_t)region->base;
}

static int fresh_finds_nothing(void *data)
{
	struct region *region = data;
	struct shared_region_check check;

	shared_region_detach(region->device);
	return shared_region_check(region->device, 0, &check) != -ENOMEM;
}

TEST_F(reslide, after_enough_crashes_new_processes_need_another_region)
{
	struct region other;

	ASSERT_EQ(0, shared_region_check(self->fd, 0, &self->check));
	crash(&self->region, 2);
	ASSERT_EQ(0, shared_region_query(self->fd, &self->query));
	EXPECT_EQ(SHARED_REGION_QUERY_ATTACHED, self->query.flags);
	crash(&self->region, 1);
	EXPECT_TRUE(log_has(self->log, "3 processes crashed in region"));

	/* who has it keeps it, and so do its children */
	ASSERT_EQ(0, shared_region_query(self->fd, &self->query));
	EXPECT_EQ(SHARED_REGION_QUERY_ATTACHED | SHARED_REGION_QUERY_RESLIDE | SHARED_REGION_QUERY_RETIRED,
		  self->query.flags);
	EXPECT_EQ(SHARED_REGION_STATE_SEALED, self->query.state);
	EXPECT_EQ(0, all_right(&self->region));
	EXPECT_EQ(0, in_child(all_right, &self->region));
	EXPECT_EQ(0, in_child(fresh_finds_nothing, &self->region));

	/* another one, elsewhere; the old one is still right */
	region_describe(&other, SLOT, MB, MB / 2);
	ASSERT_EQ(0, region_configure(&other));
	EXPECT_NE(self->region.base, other.base);
	TH_LOG("base %p, then %p", (void *)self->region.base, (void *)other.base);
	EXPECT_EQ(0, all_right(&self->region));
	ASSERT_EQ(0, shared_region_detach(self->fd));
	ASSERT_EQ(0, shared_region_check(self->fd, 0, &self->check));
	EXPECT_EQ((uint64_t)other.base, self->check.base);
	EXPECT_EQ(0, region_wrong_pages(&other, 0, PAGES));
	EXPECT_EQ(0, crashes(self->fd));
	region_close(&other);
}

TEST_F(reslide, query_says_so_while_there_is_none)
{
	crash(&self->region, 3);
	ASSERT_EQ(0, shared_region_query(self->fd, &self->query));
	EXPECT_EQ(SHARED_REGION_QUERY_RESLIDE, self->query.flags);
	EXPECT_EQ(SHARED_REGION_STATE_NONE, self->query.state);
	EXPECT_EQ(3, self->query.crashes);
	EXPECT_EQ(0, self->query.base);
	EXPECT_EQ(-ENOMEM, shared_region_check(self->fd, 0, &self->check));
}

TEST_F(reslide, a_caller_with_the_first_versions_struct_is_served)
{
	self->query.size = offsetof(struct shared_region_query, crashes);
	memset((char *)&self->query + self->query.size, 0x5a, sizeof(self->query) - self->query.size);
	ASSERT_EQ(0, ioctl(self->fd, SHARED_REGION_QUERY, &self->query));
	EXPECT_EQ(SHARED_REGION_STATE_SEALED, self->query.state);
	EXPECT_EQ(0x5a5a5a5a, self->query.crashes);
}

TEST_F(reslide, zero_is_never)
{
	ASSERT_EQ(0, set_number("reslide_after", "0"));
	crash(&self->region, 10);
	ASSERT_EQ(0, shared_region_query(self->fd, &self->query));
	EXPECT_EQ(SHARED_REGION_STATE_SEALED, self->query.state);
	EXPECT_EQ(10, self->query.crashes);
	EXPECT_EQ(0, self->query.flags);
}

TEST_F(reslide, a_region_is_used_for_the_interval_at_least)
{
	ASSERT_EQ(0, set_number("reslide_interval", "3600"));
	crash(&self->region, 5);
	ASSERT_EQ(0, shared_region_query(self->fd, &self->query));
	EXPECT_EQ(SHARED_REGION_STATE_SEALED, self->query.state);
	ASSERT_EQ(0, set_number("reslide_interval", "0"));
	crash(&self->region, 1);
	ASSERT_EQ(0, shared_region_query(self->fd, &self->query));
	EXPECT_EQ(SHARED_REGION_STATE_NONE, self->query.state);
}

/* Each retired region that somebody keeps costs its memory: not more than four. */
TEST_F(reslide, retired_regions_that_are_kept_are_few)
{
	struct region regions[6];
	int i, retired = 1;

	crash(&self->region, 3);
	for (i = 0; i < 6; i++) {
		region_describe(&regions[i], SLOT, MB, MB / 2);
		ASSERT_EQ(0, region_configure(&regions[i]));
		/* its descriptor stays open, and so the region */
		crash(&regions[i], 4);
		ASSERT_EQ(0, shared_region_query(self->fd, &self->query));
		retired += self->query.state == SHARED_REGION_STATE_NONE;
		if (self->query.state != SHARED_REGION_STATE_NONE)
			break;
	}
	TH_LOG("%d retired", retired);
	EXPECT_EQ(4, retired);
	ASSERT_EQ(3, i);
	/* when one is let go, the next crash retires again */
	close(self->region.device);
	self->region.device = -1;
	usleep(200000);
	crash(&regions[i], 1);
	ASSERT_EQ(0, shared_region_query(self->fd, &self->query));
	EXPECT_EQ(SHARED_REGION_STATE_NONE, self->query.state);
}

TEST_HARNESS_MAIN
