// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Group 7 and the beginning of 9: copies of the region's data that were swapped out (to zram, through the reclaim
 * file of a control group), used by their process, by its children, and by a debugger who has something else there.
 */
#include "lib/guest.h"
#include "lib/tenant.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#define PAGE	4096UL
#define MB	(1UL << 20)
#define SLOT	(2 * MB)
#define DATA	(3 * MB)
#define PAGES	(DATA / PAGE)
#define GROUP	"shared_region_swap"

FIXTURE(swap)
{
	struct region region;
	struct expected expected;
	struct witness attached, fresh;
	struct tenant tenant;
	struct shared_region_check check;
	int memory;
};

FIXTURE_VARIANT(swap)
{
	const char *generations;	/* /sys/kernel/mm/lru_gen/enabled */
};

FIXTURE_VARIANT_ADD(swap, two_lists) { .generations = "0" };
FIXTURE_VARIANT_ADD(swap, generations) { .generations = "7" };

FIXTURE_SETUP(swap)
{
	char path[64];

	/* all 'd' in the tracer: a page that comes from the wrong process shows */
	region_describe(&self->region, SLOT - 5 * PAGE, DATA, MB / 4);
	ASSERT_EQ(0, region_configure(&self->region));
	ASSERT_EQ(0, expected_compute(&self->expected, &self->region));
	ASSERT_EQ(0, witness_start(&self->attached, WITNESS_ATTACHED, &self->expected));
	ASSERT_EQ(0, witness_start(&self->fresh, WITNESS_FRESH, &self->expected));
	ASSERT_EQ(0, swap_on_zram(256 * MB));
	ASSERT_EQ(0, file_put("/sys/kernel/mm/lru_gen/enabled", variant->generations));
	ASSERT_EQ(0, cgroup_make(GROUP, "max"));
	ASSERT_EQ(0, tenant_start(&self->tenant, &self->expected, GROUP));
	ASSERT_EQ(0, shared_region_check(self->region.device, 0, &self->check));
	memset(region_data(&self->region), 'd', DATA);
	snprintf(path, sizeof(path), "/proc/%d/mem", self->tenant.pid);
	self->memory = open(path, O_RDWR);
	ASSERT_LE(0, self->memory);
}

FIXTURE_TEARDOWN(swap)
{
	tenant_stop(&self->tenant);
	EXPECT_EQ(0, witness_wrong(&self->attached));
	EXPECT_EQ(0, witness_wrong(&self->fresh));
	witness_stop(&self->attached);
	witness_stop(&self->fresh);
	EXPECT_EQ(0, cgroup_remove(GROUP));
	EXPECT_EQ(0, swap_off());
	/* only this process is left */
	EXPECT_EQ(1, shared_region_attached_at_last(self->region.device, 1));
	close(self->memory);
	expected_free(&self->expected);
	region_close(&self->region);
}

/* Kilobytes of the tenant that are out; nearly all of its copies must be. */
static long swap_out(pid_t pid)
{
	long swapped = 0;
	int turn;

	for (turn = 0; turn < 40 && swapped < (long)(DATA / 1024 * 9 / 10); turn++) {
		/* EAGAIN: less than that could be reclaimed */
		cgroup_put(GROUP, "memory.reclaim", "8M");
		swapped = process_number(pid, "VmSwap:");
	}
	return swapped;
}

#define ASSERT_SWAPPED_OUT()							\
	do {									\
		long swapped = swap_out(self->tenant.pid);			\
										\
		TH_LOG("%ld of %lu kB are out", swapped, DATA / 1024);		\
		ASSERT_LT((long)(DATA / 1024 * 9 / 10) - 1, swapped);		\
	} while (0)

SLOW_TEST_F(swap, copies_come_back_as_they_were)
{
	for (int turn = 0; turn < 3; turn++) {
		ASSERT_SWAPPED_OUT();
		EXPECT_EQ(0, tenant_do(&self->tenant, TENANT_COMPARE));
		ASSERT_SWAPPED_OUT();
		EXPECT_EQ(0, tenant_do(&self->tenant, TENANT_WRITE));
		EXPECT_EQ(0, tenant_do(&self->tenant, TENANT_COMPARE));
	}
}

SLOW_TEST_F(swap, a_child_of_a_swapped_out_process_has_its_own)
{
	ASSERT_SWAPPED_OUT();
	EXPECT_EQ(0, tenant_do(&self->tenant, TENANT_FORK));
	ASSERT_SWAPPED_OUT();
	EXPECT_EQ(0, tenant_do(&self->tenant, TENANT_FORK));
}

SLOW_TEST_F(swap, what_is_out_can_be_unmapped)
{
	ASSERT_SWAPPED_OUT();
	EXPECT_EQ(0, tenant_do(&self->tenant, TENANT_UNMAP));
	EXPECT_GE((long)(DATA / 1024) / 2 + 64, process_number(self->tenant.pid, "VmSwap:"));
	EXPECT_EQ(0, tenant_do(&self->tenant, TENANT_COMPARE));
	EXPECT_EQ(0, tenant_do(&self->tenant, TENANT_DETACH));
	EXPECT_EQ(0, tenant_do(&self->tenant, TENANT_ATTACH));
	EXPECT_EQ(0, tenant_do(&self->tenant, TENANT_COMPARE));
}

SLOW_TEST_F(swap, swapoff_brings_all_back)
{
	ASSERT_SWAPPED_OUT();
	ASSERT_EQ(0, swap_off());
	EXPECT_EQ(0, process_number(self->tenant.pid, "VmSwap:"));
	EXPECT_EQ(0, tenant_do(&self->tenant, TENANT_COMPARE));
	ASSERT_EQ(0, swap_on_zram(256 * MB));
}

SLOW_TEST_F(swap, proc_mem_reads_what_is_out)
{
	long wrong = 0, short_reads = 0;

	ASSERT_SWAPPED_OUT();
	for (size_t i = 0; i < PAGES; i++) {
		char *at = region_data(&self->region) + i * PAGE, page[PAGE], want[PAGE];

		short_reads += pread(self->memory, page, PAGE, (off_t)at) != (ssize_t)PAGE;
		tenant_page(&self->expected, i, 1, want);
		wrong += !!memcmp(page, want, PAGE);
	}
	EXPECT_EQ(0, short_reads);
	EXPECT_EQ(0, wrong);
	EXPECT_EQ(0, tenant_do(&self->tenant, TENANT_COMPARE));
}

SLOW_TEST_F(swap, proc_mem_writes_to_what_is_out)
{
	long wrong = 0, failed = 0;

	ASSERT_SWAPPED_OUT();
	for (size_t i = 0; i < PAGES; i++) {
		char *at = region_data(&self->region) + i * PAGE + 300;

		failed += pwrite(self->memory, "debugger", 8, (off_t)at) != 8;
		wrong += memcmp(at, "dddddddd", 8) != 0;
	}
	EXPECT_EQ(0, failed);
	EXPECT_EQ(0, wrong);
	ASSERT_SWAPPED_OUT();
	for (size_t i = 0; i < PAGES; i++) {
		char *at = region_data(&self->region) + i * PAGE, page[PAGE], want[PAGE];

		tenant_page(&self->expected, i, 1, want);
		memcpy(want + 300, "debugger", 8);
		failed += pread(self->memory, page, PAGE, (off_t)at) != (ssize_t)PAGE;
		wrong += !!memcmp(page, want, PAGE);
		failed += pwrite(self->memory, expected_page(&self->expected, self->region.text_size / PAGE + i) + 300,
				 8, (off_t)at + 300) != 8;
	}
	EXPECT_EQ(0, failed);
	EXPECT_EQ(0, wrong);
	EXPECT_EQ(0, tenant_do(&self->tenant, TENANT_COMPARE));
}

SLOW_TEST_F(swap, ptrace_peeks_and_pokes_what_is_out)
{
	long wrong = 0, failed = 0;
	int status;

	ASSERT_SWAPPED_OUT();
	ASSERT_EQ(0, ptrace(PTRACE_ATTACH, self->tenant.pid, 0, 0));
	ASSERT_EQ(self->tenant.pid, waitpid(self->tenant.pid, &status, 0));
	for (size_t i = 0; i < PAGES; i += 7) {
		char *at = region_data(&self->region) + i * PAGE + 800;
		uint64_t want[PAGE / 8], word;

		tenant_page(&self->expected, i, 1, want);
		word = (uint64_t)ptrace(PTRACE_PEEKDATA, self->tenant.pid, at, 0);
		wrong += word != want[100];
		failed += ptrace(PTRACE_POKEDATA, self->tenant.pid, at + 8, 0x1122334455667788) != 0;
		wrong += (uint64_t)ptrace(PTRACE_PEEKDATA, self->tenant.pid, at + 8, 0) != 0x1122334455667788;
		failed += ptrace(PTRACE_POKEDATA, self->tenant.pid, at + 8, want[101]) != 0;
	}
	ASSERT_EQ(0, ptrace(PTRACE_DETACH, self->tenant.pid, 0, 0));
	EXPECT_EQ(0, failed);
	EXPECT_EQ(0, wrong);
	EXPECT_EQ(0, tenant_do(&self->tenant, TENANT_COMPARE));
	EXPECT_EQ('d', region_data(&self->region)[808]);
}

SLOW_TEST_F(swap, pages_of_the_region_itself_stay)
{
	struct tenant reader;

	/* one that has read only: nothing of the region can be reclaimed from it */
	ASSERT_EQ(0, tenant_start(&reader, &self->expected, GROUP));
	ASSERT_EQ(0, tenant_do(&reader, TENANT_DETACH));
	ASSERT_EQ(0, tenant_do(&reader, TENANT_ATTACH));
	ASSERT_EQ(0, tenant_do(&reader, TENANT_COMPARE));
	ASSERT_SWAPPED_OUT();
	EXPECT_GE(1024, process_number(reader.pid, "VmSwap:"));
	EXPECT_EQ(0, tenant_do(&reader, TENANT_COMPARE));
	tenant_stop(&reader);
}

TEST_HARNESS_MAIN
