// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Group 8: every system call about memory, on pages of the region and on pages that the process has written.
 *
 * The table says what each gives; docs/limits.md has it in words. Whatever that is: afterwards every page is right,
 * here, in a child, in another attached process and in a fresh one, and the process's figures are sane.
 */
#include "lib/guest.h"
#include "lib/vm_calls.h"
#include "lib/witness.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#define PAGE	4096UL
#define MB	(1UL << 20)
#define SLOT	(2 * MB)
#define TEXT	(2 * SLOT / PAGE - 20)	/* a slot of text alone, and one of text and data */
#define DATA	60UL
#define RODATA	30UL
#define PAGES	(TEXT + DATA + RODATA)

#define WHERE	16UL			/* the calls are about so many pages */
#define IN_DATA	(TEXT + 8)		/* across the end of the slot */

FIXTURE(calls)
{
	struct region region;
	struct expected expected;
	struct witness attached, fresh;
};

FIXTURE_SETUP(calls)
{
	region_describe(&self->region, TEXT * PAGE, DATA * PAGE, RODATA * PAGE);
	ASSERT_EQ(0, region_configure(&self->region));
	ASSERT_EQ(0, expected_compute(&self->expected, &self->region));
	ASSERT_EQ(0, witness_start(&self->attached, WITNESS_ATTACHED, &self->expected));
	ASSERT_EQ(0, witness_start(&self->fresh, WITNESS_FRESH, &self->expected));
}

FIXTURE_TEARDOWN(calls)
{
	EXPECT_EQ(0, witness_wrong(&self->attached));
	EXPECT_EQ(0, witness_wrong(&self->fresh));
	witness_stop(&self->attached);
	witness_stop(&self->fresh);
	expected_free(&self->expected);
	region_close(&self->region);
}

/* ---- situations ---- */

static const struct situation {
	const char *name;
	size_t first;
	bool touched, written;
	bool leaf;	/* if the module's large_pages is on */
} situations[] = {
	{ "text, untouched", SLOT / PAGE + 3, false, false, false },
	{ "text, nested", SLOT / PAGE + 3, true, false, false },
	{ "data, untouched", IN_DATA, false, false, false },
	{ "data, nested", IN_DATA, true, false, false },
	{ "data, written", IN_DATA, true, true, false },
	{ "read-only data, nested", TEXT + DATA + 2, true, false, false },
	{ "text in a slot of its own, untouched", 3, false, false, true },
	{ "text in a slot of its own, nested", 3, true, false, true },
};

struct job {
	const struct vm_call *call;
	const struct situation *situation;
	const struct expected *expected;
	bool forked;
};

/* The written pages have a mark; all else is as configured. */
static long pages_wrong(const struct job *job)
{
	long wrong = 0;
	size_t i;

	for (i = 0; i < PAGES; i++) {
		bool marked = job->situation->written && i >= IN_DATA && i < IN_DATA + WHERE;
		const char *page = job->expected->region->base + i * PAGE;
		const char *want = expected_page(job->expected, i);

		if (marked)
			wrong += page[2000] != 0x5e || memcmp(page, want, 2000) ||
				 memcmp(page + 2001, want + 2001, PAGE - 2001);
		else
			wrong += !!memcmp(page, want, PAGE);
	}
	return wrong;
}

static int pages_wrong_in_child(void *data)
{
	return !!pages_wrong(data);
}

/* All figures that mm code counts up and down: a slip shows as a huge or a negative number. */
static bool status_is_sane(void)
{
	static const char *const keys[] = { "VmPeak:", "VmSize:", "VmLck:", "VmPin:", "VmHWM:", "VmRSS:", "RssAnon:",
					    "RssFile:", "VmData:", "VmPTE:", "VmSwap:" };
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (status_number(keys[i]) < 0 || status_number(keys[i]) > 1 << 20)
			return false;
	return status_number("VmPTE:") < 1024 && status_number("VmRSS:") <= status_number("VmSize:");
}

static long wanted(const struct job *job)
{
	const struct situation *situation = job->situation;
	struct shared_region_query query;

	if (situation->written)
		return job->call->copied;
	if (!situation->leaf || kernel_at_least(6, 12) || shared_region_query(job->expected->region->device, &query) ||
	    !query.leaves)
		return job->call->plain;
	/* move_pages is told after it has read them */
	if (job->call->kernel == BEFORE_6_12_FAST || (job->call->kernel == ANY_FAST && situation->touched))
		return job->call->copied;
	return job->call->plain;
}

#define NOT_IN_THIS_KERNEL	77

static int do_job(void *data)
{
	const struct job *job = data;
	const struct region *region = job->expected->region;
	struct shared_region_check check;
	struct vm_place place = { region->base + job->situation->first * PAGE, WHERE * PAGE };
	long want;
	long result;
	size_t i;

	if (shared_region_check(region->device, 0, &check))
		return 1;
	if (job->situation->touched)
		touch(region->base, PAGES * PAGE);
	for (i = 0; job->situation->written && i < WHERE; i++)
		place.from[i * PAGE + 2000] = 0x5e;
	want = wanted(job);
	result = job->call->run(&place, job->call->argument);
	/* only the small debug kernels may lack a call */
	if (result == -ENOSYS && is_debug_kernel())
		return NOT_IN_THIS_KERNEL;
	if (result != want) {
		ksft_print_msg("%s on %s: %ld, not %ld\n", job->call->name, job->situation->name, result, want);
		return 2;
	}
	if (pages_wrong(job))
		return 3;
	if (job->forked && in_child(pages_wrong_in_child, data))
		return 4;
	if (pages_wrong(job))
		return 5;
	return status_is_sane() ? 0 : 6;
}

static int for_each_situation(const struct expected *expected, const struct vm_call *calls, bool forked, int *jobs)
{
	int failed = 0;

	for (const struct vm_call *call = calls; call->name; call++) {
		if (kernel_at_least(6, 12) ? call->kernel == BEFORE_6_12 || call->kernel == BEFORE_6_12_FAST :
					     call->kernel == FROM_6_12)
			continue;
		for (size_t i = 0; i < sizeof(situations) / sizeof(situations[0]); i++) {
			struct job job = { call, &situations[i], expected, forked };
			int ret = in_child(do_job, &job);

			if (ret == NOT_IN_THIS_KERNEL) {
				ksft_print_msg("%s: not in this kernel\n", call->name);
				break;
			}
			if (ret)
				ksft_print_msg("%s on %s: step %d\n", call->name, situations[i].name, ret);
			failed += !!ret;
			++*jobs;
		}
	}
	return failed;
}

#define EXPECT_ALL_AS_DOCUMENTED(calls, forked)						\
	do {										\
		int jobs = 0;								\
											\
		EXPECT_EQ(0, for_each_situation(&self->expected, calls, forked, &jobs));	\
		TH_LOG("%d combinations of call and pages", jobs);			\
	} while (0)

SLOW_TEST_F(calls, every_madvise_value)
{
	EXPECT_ALL_AS_DOCUMENTED(vm_calls_madvise(), true);
}

SLOW_TEST_F(calls, madvise_that_fork_heeds)
{
	EXPECT_ALL_AS_DOCUMENTED(vm_calls_madvise_fork(), false);
}

SLOW_TEST_F(calls, process_madvise)
{
	EXPECT_ALL_AS_DOCUMENTED(vm_calls_process_madvise(), true);
}

SLOW_TEST_F(calls, locking)
{
	EXPECT_ALL_AS_DOCUMENTED(vm_calls_lock(), true);
}

SLOW_TEST_F(calls, numa_policy)
{
	EXPECT_ALL_AS_DOCUMENTED(vm_calls_numa(), true);
}

SLOW_TEST_F(calls, protection_and_moves)
{
	EXPECT_ALL_AS_DOCUMENTED(vm_calls_mapping(), true);
}

SLOW_TEST_F(calls, copies_by_page_reference)
{
	ASSERT_EQ(0, zram_disk(16 * MB));
	EXPECT_ALL_AS_DOCUMENTED(vm_calls_copy(), true);
}

/* Into what the process may write. */
SLOW_TEST_F(calls, copies_into_data)
{
	ASSERT_EQ(0, zram_disk(16 * MB));
	for (const struct vm_call *call = vm_calls_copy_into(); call->name; call++) {
		for (size_t i = 2; i < 5; i++) {
			struct job job = { call, &situations[i], &self->expected, true };

			EXPECT_EQ(0, in_child(do_job, &job)) TH_LOG("%s on %s", call->name, situations[i].name);
		}
	}
}

SLOW_TEST_F(calls, futexes)
{
	EXPECT_ALL_AS_DOCUMENTED(vm_calls_futex(), true);
}

SLOW_TEST_F(calls, reports_in_proc)
{
	EXPECT_ALL_AS_DOCUMENTED(vm_calls_proc(), true);
}

SLOW_TEST_F(calls, registrations)
{
	EXPECT_ALL_AS_DOCUMENTED(vm_calls_register(), true);
}

TEST_HARNESS_MAIN
