// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Leaves of 2 MiB: slots of read-only content, and everything that takes such a slot apart. After each, every page
 * is right here, in an attached process and in a fresh one. (Calls about memory: vm_calls_test; flushes: coherence_test.)
 */
#include "lib/guest.h"
#include "lib/witness.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#define PAGE		4096UL
#define MB		(1UL << 20)
#define SLOT		(2 * MB)
#define PER_SLOT	(SLOT / PAGE)
#define PARAMETER	"/sys/module/shared_region/parameters/large_pages"
#define CORE_PATTERN	"/proc/sys/kernel/core_pattern"

/* Slots 0 to 2: text. Slot 3: data and read-only data. Slot 4: read-only data. */
FIXTURE(leaf)
{
	struct region region;
	struct expected expected;
	struct witness attached, fresh;
	struct shared_region_check check;
	struct shared_region_query query;
};

FIXTURE_SETUP(leaf)
{
	ASSERT_EQ(0, file_put(PARAMETER, "Y"));
	region_describe(&self->region, 3 * SLOT, MB, 3 * MB);
	ASSERT_EQ(0, region_configure(&self->region));
	ASSERT_EQ(0, shared_region_query(self->region.device, &self->query));
	ASSERT_EQ(4, self->query.leaves);
	ASSERT_EQ(0, expected_compute(&self->expected, &self->region));
	ASSERT_EQ(0, witness_start(&self->attached, WITNESS_ATTACHED, &self->expected));
	ASSERT_EQ(0, witness_start(&self->fresh, WITNESS_FRESH, &self->expected));
	ASSERT_EQ(0, shared_region_check(self->region.device, 0, &self->check));
}

FIXTURE_TEARDOWN(leaf)
{
	if (self->region.device >= 0) {
		EXPECT_EQ(0, witness_wrong(&self->attached));
		EXPECT_EQ(0, witness_wrong(&self->fresh));
	}
	witness_stop(&self->attached);
	witness_stop(&self->fresh);
	expected_free(&self->expected);
	region_close(&self->region);
}

static int wrong_in_child(void *data)
{
	return !!expected_all_wrong(data);
}

static void touch_all(const struct region *region)
{
	touch(region->base, 5 * SLOT);
}

TEST_F(leaf, slots_of_read_only_content_have_one)
{
	long vmpte = status_number("VmPTE:"), faults = minor_faults();

	faults = minor_faults();
	EXPECT_EQ(1, self->query.tables);
	EXPECT_EQ(5 * PER_SLOT, self->query.pages);
	touch_all(&self->region);
	faults = minor_faults() - faults;
	vmpte = status_number("VmPTE:") - vmpte;
	TH_LOG("%lld leaves, %lld table; minor faults %ld; VmPTE %ld kB", self->query.leaves, self->query.tables, faults,
	       vmpte);
	EXPECT_GE(1, faults);
	EXPECT_GE(8, vmpte);
	EXPECT_EQ(0, expected_all_wrong(&self->expected));
	for (size_t i = 0; i < 3 * PER_SLOT; i += 101)
		ASSERT_EQ((int)i, ((int (*)(void))(region_text(&self->region) + i * PAGE))());
}

TEST_F(leaf, wrong_accesses_raise_sigsegv)
{
	char *rodata = self->region.base + 4 * SLOT;

	for (int turn = 0; turn < 2; turn++) {
		EXPECT_EQ(SIGSEGV, signal_of_write(region_text(&self->region) + 100));
		EXPECT_EQ(SIGSEGV, signal_of_write(rodata + 100));
		EXPECT_EQ(SIGSEGV, signal_of_call(rodata));
		EXPECT_EQ(0, expected_all_wrong(&self->expected));
	}
}

TEST_F(leaf, fork_inherits_it)
{
	touch_all(&self->region);
	for (int turn = 0; turn < 20; turn++) {
		EXPECT_EQ(0, in_child(wrong_in_child, &self->expected));
		EXPECT_EQ(0, expected_all_wrong(&self->expected));
	}
}

/* ---- taken apart ---- */

static int take_apart(const struct expected *expected, int step)
{
	char *at = expected->region->base + SLOT + 100 * PAGE;

	switch (step) {
	case 0:
		return mprotect(at, PAGE, PROT_NONE) || signal_of_read(at) != SIGSEGV || signal_of_read(at + PAGE) ||
		       mprotect(at, PAGE, PROT_READ | PROT_EXEC);
	case 1:
		return mprotect(at, PAGE, PROT_READ) || signal_of_call(at) != SIGSEGV ||
		       mprotect(at, PAGE, PROT_READ | PROT_EXEC);
	case 2:
		return madvise(at, PAGE, MADV_DONTFORK) || madvise(at, PAGE, MADV_DOFORK);
	case 3:
		return madvise(at, SLOT / 2, MADV_DONTDUMP);
	default:
		return mlock(at, PAGE) || munlock(at, PAGE);
	}
}

static int take_apart_untouched(void *data)
{
	for (int step = 0; step < 5; step++)
		if (take_apart(data, step))
			return 1 + step;
	if (in_child(wrong_in_child, data))
		return 10;
	return expected_all_wrong(data) ? 11 : 0;
}

static int take_apart_touched(void *data)
{
	const struct expected *expected = data;

	touch_all(expected->region);
	for (int step = 0; step < 5; step++) {
		if (take_apart(data, step))
			return 1 + step;
		if (expected_all_wrong(expected))
			return 10 + step;
		if (in_child(wrong_in_child, data))
			return 20 + step;
	}
	return 0;
}

TEST_F(leaf, protections_and_advice_for_a_part)
{
	EXPECT_EQ(0, in_child(take_apart_touched, &self->expected));
	EXPECT_EQ(0, in_child(take_apart_untouched, &self->expected));
	EXPECT_EQ(0, expected_all_wrong(&self->expected));
}

static int unmap_parts(void *data)
{
	const struct expected *expected = data;
	char *base = expected->region->base;

	touch_all(expected->region);
	/* the middle of slot 0; from slot 1 into slot 2 */
	if (munmap(base + 10 * PAGE, 3 * PAGE) || munmap(base + 2 * SLOT - 5 * PAGE, 9 * PAGE))
		return 1;
	if (signal_of_read(base + 11 * PAGE) != SIGSEGV || signal_of_read(base + 2 * SLOT) != SIGSEGV)
		return 2;
	if (expected_wrong(expected, 0, 10) || expected_wrong(expected, 13, 2 * PER_SLOT - 5 - 13) ||
	    expected_wrong(expected, 2 * PER_SLOT + 4, 3 * PER_SLOT - 4))
		return 3;
	if (mmap(base + 10 * PAGE, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) !=
	    base + 10 * PAGE)
		return 4;
	memset(base + 10 * PAGE, 0x77, 3 * PAGE);
	return expected_wrong(expected, 0, 20) != 3 ? 5 : 0;
}

static int replace_a_slot(void *data)
{
	const struct expected *expected = data;
	char *slot = expected->region->base + SLOT;

	touch_all(expected->region);
	if (mmap(slot, SLOT, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != slot)
		return 1;
	madvise(slot, SLOT, MADV_HUGEPAGE);
	for (size_t i = 0; i < SLOT; i += PAGE)
		if (slot[i])
			return 2;
	memset(slot, 0x11, SLOT);
	return expected_all_wrong(expected) != (long)PER_SLOT ? 3 : 0;
}

TEST_F(leaf, holes_and_other_mappings_in_it)
{
	EXPECT_EQ(0, in_child(unmap_parts, &self->expected));
	EXPECT_EQ(0, in_child(replace_a_slot, &self->expected));
	EXPECT_EQ(0, expected_all_wrong(&self->expected));
}

static int map_into_hole(void *data)
{
	const struct expected *expected = data;
	char *hole = expected->region->base + 40 * PAGE;

	if (signal_of_read(hole) != SIGSEGV)
		return 1;
	touch(expected->region->base, 40 * PAGE);
	if (mmap(hole, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != hole)
		return 2;
	memset(hole, 0x42, 8 * PAGE);
	return expected_all_wrong(expected) != 8 ? 3 : 0;
}

TEST_F(leaf, a_hole_by_dontfork)
{
	touch_all(&self->region);
	ASSERT_EQ(0, madvise(self->region.base + 40 * PAGE, 8 * PAGE, MADV_DONTFORK));
	EXPECT_EQ(0, in_child(map_into_hole, &self->expected));
	EXPECT_EQ(0, expected_all_wrong(&self->expected));
}

/* ---- other ways in ---- */

static int stop_then_compare(const struct expected *expected, bool touched)
{
	ptrace(PTRACE_TRACEME, 0, 0, 0);
	if (touched)
		touch_all(expected->region);
	raise(SIGSTOP);
	/* by then the debugger has put everything back */
	return !!expected_all_wrong(expected);
}

static int debug_child(const struct expected *expected, bool touched)
{
	char *text = expected->region->base + SLOT + 7 * PAGE + 64;
	uint64_t old;
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(stop_then_compare(expected, touched));
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return 1;
	old = (uint64_t)ptrace(PTRACE_PEEKTEXT, pid, text, 0);
	if (memcmp(&old, expected_page(expected, PER_SLOT + 7) + 64, 8) || ptrace(PTRACE_POKETEXT, pid, text, 0xcc) ||
	    ptrace(PTRACE_PEEKTEXT, pid, text, 0) != 0xcc || expected_all_wrong(expected))
		return 2;
	if (ptrace(PTRACE_POKETEXT, pid, text, old) || ptrace(PTRACE_CONT, pid, 0, 0))
		return 3;
	return waitpid(pid, &status, 0) != pid || status ? 4 : 0;
}

TEST_F(leaf, a_breakpoint_is_the_tracees_alone)
{
	EXPECT_EQ(0, debug_child(&self->expected, true));
	EXPECT_EQ(0, debug_child(&self->expected, false));
}

static int dump_core(void *data)
{
	const struct expected *expected = data;
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	touch_all(expected->region);
	setrlimit(RLIMIT_CORE, &limit);
	if (chdir("/tmp"))
		return 1;
	abort();
}

TEST_F(leaf, a_core_dump_leaves_it_alone)
{
	ASSERT_EQ(0, file_put(CORE_PATTERN, "/tmp/core"));
	EXPECT_EQ(128 + SIGABRT, in_child(dump_core, &self->expected));
	EXPECT_EQ(0, access("/tmp/core", F_OK));
	unlink("/tmp/core");
	EXPECT_EQ(0, expected_all_wrong(&self->expected));
}

/*
 * Before 6.12 GUP-fast takes references on a leaf: such pages outlive the region, which is destroyed as its last
 * user goes. From 6.12 it does not: EFAULT, as for tables.
 */
TEST_F(leaf, pages_in_a_pipe_outlive_the_region)
{
	struct iovec vector = { self->region.base + 9 * PAGE, 4 * PAGE };
	char buffer[4 * PAGE];
	int pipes[2];
	ssize_t got;

	touch_all(&self->region);
	ASSERT_EQ(0, pipe(pipes));
	got = vmsplice(pipes[1], &vector, 1, 0);
	TH_LOG("vmsplice from a leaf: %zd", got < 0 ? -errno : got);
	if (kernel_at_least(6, 12)) {
		EXPECT_EQ(-1, got);
		EXPECT_EQ(EFAULT, errno);
		return;
	}
	ASSERT_EQ((ssize_t)(4 * PAGE), got);
	witness_stop(&self->attached);
	witness_stop(&self->fresh);
	ASSERT_EQ(0, shared_region_detach(self->region.device));
	close(self->region.device);
	self->region.device = -1;
	usleep(300000);
	EXPECT_EQ(-1, file_number("/sys/kernel/debug/shared_region/regions", "pages"));
	ASSERT_EQ((ssize_t)sizeof(buffer), read(pipes[0], buffer, sizeof(buffer)));
	EXPECT_EQ(0, memcmp(buffer, expected_page(&self->expected, 9), sizeof(buffer)));
	close(pipes[0]);
	close(pipes[1]);
}

/* ---- without ---- */

TEST_F(leaf, without_the_parameter_there_are_tables)
{
	struct region region;
	struct shared_region_query query;

	witness_stop(&self->attached);
	witness_stop(&self->fresh);
	ASSERT_EQ(0, shared_region_detach(self->region.device));
	close(self->region.device);
	self->region.device = -1;
	usleep(300000);
	ASSERT_EQ(0, file_put(PARAMETER, "N"));
	region_describe(&region, 3 * SLOT, MB, 3 * MB);
	ASSERT_EQ(0, region_configure(&region));
	ASSERT_EQ(0, file_put(PARAMETER, "Y"));
	ASSERT_EQ(0, shared_region_query(region.device, &query));
	EXPECT_EQ(0, query.leaves);
	EXPECT_EQ(5, query.tables);
	ASSERT_EQ(0, shared_region_check(region.device, 0, &self->check));
	EXPECT_EQ(0, region_wrong_pages(&region, 0, 5 * PER_SLOT));
	region_close(&region);
}

TEST_HARNESS_MAIN
