// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Group 10 of the kernel tests: what is taken is given back. Attachments, nested slots, pages and their references,
 * the module's own. (Exit latency: cost_test.)
 *
 * A page with one reference too many would not come back when its region is destroyed, one with a reference too
 * few would be reported by the kernel ("Bad page"), which fails the run.
 */
#include "lib/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
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
#define COUNTERS	"/sys/kernel/debug/shared_region/regions"
#define NOISE		40000L	/* kB that come and go by themselves: per-CPU lists of free pages */
#define DELAY	"/sys/module/shared_region/parameters/destroy_delay"

static long number_in(const char *path, const char *key)
{
	FILE *file = fopen(path, "r");
	char line[256];
	long value = -1;

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, key, strlen(key)) && strchr(" :", line[strlen(key)]))
			value = strtol(line + strlen(key) + 1, NULL, 10);
	if (file)
		fclose(file);
	return value;
}

static long free_kb(void)
{
	long value;

	sync();
	usleep(200000);		/* RCU, per-CPU lists, work items */
	value = open("/proc/sys/vm/drop_caches", O_WRONLY);
	if (write((int)value, "3", 1) != 1)
		return -1;
	close((int)value);
	usleep(100000);
	return number_in("/proc/meminfo", "MemFree");
}

FIXTURE(balance)
{
	struct region region;
	struct shared_region_check check;
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

/* One of each: every way in and every way out. */
static int live(void *data)
{
	struct region *region = data;
	struct shared_region_check check;
	char *at = region_data(region);

	if (shared_region_check(region->device, SHARED_REGION_CHECK_EAGER, &check))
		return 1;
	touch(region->base, region->text_size);
	*(volatile char *)at = 1;
	if (!fork()) {
		touch(region->base, region->text_size);
		*(volatile char *)(at + SLOT) = 2;
		_exit(0);
	}
	wait(NULL);
	touch(region->base, region->text_size);
	if (mprotect(region->base, PAGE, PROT_READ) || munmap(region->base + SLOT, PAGE))
		return 2;
	touch(region->base + 2 * SLOT, SLOT);
	if (shared_region_detach(region->device))
		return 3;
	if (shared_region_check(region->device, 0, &check))
		return 4;
	touch(region->base, region->text_size);
	return 0;
}

TEST_F(balance, whatever_was_nested_has_left)
{
	long nests, unnests, detaches, hides;
	int turn;

	for (turn = 0; turn < 60; turn++)
		ASSERT_EQ(0, in_child(live, &self->region));
	nests = number_in(COUNTERS, "nests");
	unnests = number_in(COUNTERS, "unnests");
	detaches = number_in(COUNTERS, "detaches");
	hides = number_in(COUNTERS, "hides");
	TH_LOG("attaches %ld, nests %ld = unnests %ld + detaches %ld + hides %ld; flushes %ld",
	       number_in(COUNTERS, "attaches"), nests, unnests, detaches, hides, number_in(COUNTERS, "flushes"));
	EXPECT_EQ(120, number_in(COUNTERS, "attaches"));
	EXPECT_LT(600, nests);
	EXPECT_EQ(nests, unnests + detaches + hides);
	EXPECT_EQ(0, number_in(COUNTERS, "table_bytes_saved"));
	EXPECT_EQ(0, number_in(COUNTERS, "attached"));
	EXPECT_EQ(1, number_in(COUNTERS, "users"));	/* the fd that configured */
}

/* What a process that ends had nested is no business of other processes on its CPU. */
static int nest_all(void *data)
{
	const struct region *region = data;
	struct shared_region_check check;

	if (shared_region_check(region->device, SHARED_REGION_CHECK_EAGER, &check))
		return 1;
	touch(region->base, region->text_size);
	return 0;
}

TEST_F(balance, an_exit_flushes_nothing)
{
	int turn;

	for (turn = 0; turn < 20; turn++)
		ASSERT_EQ(0, in_child(nest_all, &self->region));
	TH_LOG("flushes in 20 lives: %ld, hides %ld", number_in(COUNTERS, "flushes"), number_in(COUNTERS, "hides"));
	EXPECT_EQ(0, number_in(COUNTERS, "flushes"));
	EXPECT_EQ(20 * 6, number_in(COUNTERS, "hides"));
}

TEST_F(balance, processes_leave_no_memory_behind)
{
	long before, after, before_tables, after_tables, before_anon, after_anon;
	int turn;

	for (turn = 0; turn < 20; turn++)
		ASSERT_EQ(0, in_child(live, &self->region));
	before = free_kb();
	before_tables = number_in("/proc/meminfo", "PageTables");
	before_anon = number_in("/proc/meminfo", "AnonPages");
	for (turn = 0; turn < 200; turn++)
		ASSERT_EQ(0, in_child(live, &self->region));
	after = free_kb();
	after_tables = number_in("/proc/meminfo", "PageTables");
	after_anon = number_in("/proc/meminfo", "AnonPages");
	TH_LOG("free after 20 lives: %ld kB, after 220: %ld kB; page tables %ld and %ld kB, anonymous %ld and %ld kB",
	       before, after, before_tables, after_tables, before_anon, after_anon);
	/* one table or page per life would be 800 kB in one of them */
	EXPECT_GE(400, after_tables - before_tables);
	EXPECT_GE(400, after_anon - before_anon);
	EXPECT_LT(before - NOISE, after);
	ASSERT_EQ(0, shared_region_check(self->region.device, 0, &self->check));
	EXPECT_EQ(0, region_wrong_pages(&self->region, 0, self->region.size / PAGE));
}

static int live_and_close(struct region *region)
{
	int ret = region_configure(region);

	if (!ret)
		ret = in_child(live, region);
	close(region->device);
	region->device = -1;
	return ret;
}

TEST_F(balance, regions_leave_no_memory_behind)
{
	long before, after;
	int turn;

	region_close(&self->region);
	region_describe(&self->region, 4 * SLOT, 2 * SLOT, 0);
	for (turn = 0; turn < 3; turn++)
		ASSERT_EQ(0, live_and_close(&self->region));
	before = free_kb();
	for (turn = 0; turn < 12; turn++)
		ASSERT_EQ(0, live_and_close(&self->region));
	after = free_kb();
	TH_LOG("free after 3 regions of %lu kB: %ld kB, after 15: %ld kB", self->region.size / 1024, before, after);
	EXPECT_LT(before - NOISE, after);
	EXPECT_EQ(-1, number_in(COUNTERS, "users"));	/* none is left */
}

static int set_delay(const char *seconds)
{
	int fd = open(DELAY, O_WRONLY);
	int ret = write(fd, seconds, strlen(seconds)) < 0;

	close(fd);
	return ret;
}

static int unload(void)
{
	return syscall(SYS_delete_module, "shared_region", O_NONBLOCK) ? -errno : 0;
}

static int load(void)
{
	int fd = open(getenv("MODULE"), O_RDONLY | O_CLOEXEC);
	long ret = syscall(SYS_finit_module, fd, "destroy_delay=0", 0);

	close(fd);
	return ret ? -errno : 0;
}

/* A region is idle, not destroyed, when the module goes. */
static int unload_with_an_idle_region(struct region *region)
{
	if (set_delay("120") || live_and_close(region))
		return -1;
	if (number_in(COUNTERS, "users"))
		return -2;
	return unload() ?: load();
}

TEST_F(balance, rmmod_waits_for_users_and_takes_idle_regions_along)
{
	long before, after;
	int turn;

	ASSERT_EQ(0, shared_region_check(self->region.device, 0, &self->check));
	EXPECT_EQ(-EWOULDBLOCK, unload());
	ASSERT_EQ(0, shared_region_detach(self->region.device));
	EXPECT_EQ(-EWOULDBLOCK, unload());	/* the fd */
	region_close(&self->region);
	region_describe(&self->region, 4 * SLOT, 2 * SLOT, 0);
	for (turn = 0; turn < 2; turn++)
		ASSERT_EQ(0, unload_with_an_idle_region(&self->region));
	before = free_kb();
	for (turn = 0; turn < 6; turn++)
		ASSERT_EQ(0, unload_with_an_idle_region(&self->region));
	after = free_kb();
	TH_LOG("free after 2 unloads with a region of %lu kB: %ld kB, after 8: %ld kB", self->region.size / 1024,
	       before, after);
	EXPECT_LT(before - NOISE, after);
}

TEST_HARNESS_MAIN
