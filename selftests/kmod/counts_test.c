// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Group 1 of the kernel tests: page faults and page tables of processes that use 64 MB of text, and of a plain file
 * mapping of the same content beside them.
 */
#include "lib/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#define PAGE	4096UL
#define MB	(1UL << 20)
#define TEXT	(64 * MB)

FIXTURE(counts)
{
	struct region region;
	struct shared_region_check check;
};

FIXTURE_SETUP(counts)
{
	region_describe(&self->region, TEXT, 2 * MB, 0);
	ASSERT_EQ(0, region_configure(&self->region));
}

FIXTURE_TEARDOWN(counts)
{
	region_close(&self->region);
}

static long faults_of_some(const char *from, size_t size)
{
	long before = minor_faults();

	touch(from, size);
	return minor_faults() - before;
}

/* Of all text. The first call is for the faults of the stack that the second needs. */
static long faults_of(const char *from)
{
	faults_of_some(from, 0);
	return faults_of_some(from, TEXT);
}

TEST_F(counts, lazy_attach_takes_one_fault_for_64_mb_of_text)
{
	long faults;

	ASSERT_EQ(0, shared_region_check(self->region.device, 0, &self->check));
	faults = faults_of(region_text(&self->region));
	TH_LOG("minor faults, lazy: %ld", faults);
	EXPECT_GE(1, faults);
}

TEST_F(counts, eager_attach_takes_no_fault_for_64_mb_of_text)
{
	long faults;

	ASSERT_EQ(0, shared_region_check(self->region.device, SHARED_REGION_CHECK_EAGER, &self->check));
	faults = faults_of(region_text(&self->region));
	TH_LOG("minor faults, eager: %ld", faults);
	EXPECT_EQ(0, faults);
}

/* Such as exec makes for a substituted program: taking it away is not the program's own munmap() in the region. */
TEST_F(counts, over_a_placeholder_an_eager_attach_takes_no_fault_either)
{
	char *placeholder = mmap(self->region.base, self->region.size, PROT_NONE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);

	ASSERT_EQ(self->region.base, placeholder);
	ASSERT_EQ(0, shared_region_check(self->region.device, SHARED_REGION_CHECK_EAGER, &self->check));
	EXPECT_EQ(0, faults_of(region_text(&self->region)));
}

TEST_F(counts, without_transparent_huge_pages_it_is_the_same)
{
	long lazy, eager;

	ASSERT_EQ(0, prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
	ASSERT_EQ(0, shared_region_check(self->region.device, 0, &self->check));
	lazy = faults_of(region_text(&self->region));
	ASSERT_EQ(0, shared_region_detach(self->region.device));
	ASSERT_EQ(0, shared_region_check(self->region.device, SHARED_REGION_CHECK_EAGER, &self->check));
	eager = faults_of(region_text(&self->region));
	TH_LOG("minor faults, THP off: lazy %ld, eager %ld", lazy, eager);
	EXPECT_GE(1, lazy);
	EXPECT_EQ(0, eager);
}

/* Exit code: the number of faults. */
static int touch_in_child(void *data)
{
	return (int)faults_of(region_text(data));
}

TEST_F(counts, a_child_takes_one_fault_after_fork)
{
	int child;
	long parent;

	ASSERT_EQ(0, shared_region_check(self->region.device, SHARED_REGION_CHECK_EAGER, &self->check));
	touch(region_text(&self->region), TEXT);
	child = in_child(touch_in_child, &self->region);
	parent = faults_of(region_text(&self->region));
	TH_LOG("minor faults after fork: child %d, parent %ld", child, parent);
	EXPECT_GE(1, child);
	EXPECT_GE(1, parent);
}

static int exec_this_program(void *data)
{
	char *arguments[] = { "counts_test", data, NULL };

	execv("/proc/self/exe", arguments);
	return 127;
}

/* main() of the executed program. Exit code: the number of faults; 100: CHECK failed. */
static int attach_and_touch(uint32_t flags)
{
	struct shared_region_check check;
	int device = shared_region_open();

	if (device < 0 || shared_region_check(device, flags, &check))
		return 100;
	return (int)faults_of((char *)check.base);
}

TEST_F(counts, a_program_takes_one_fault_after_exec)
{
	int lazy, eager;

	ASSERT_EQ(0, shared_region_check(self->region.device, 0, &self->check));
	lazy = in_child(exec_this_program, "lazy");
	eager = in_child(exec_this_program, "eager");
	TH_LOG("minor faults after exec: lazy %d, eager %d", lazy, eager);
	EXPECT_GE(1, lazy);
	EXPECT_EQ(0, eager);
}

/* Nested and plain, each touched from end to end. */
TEST_F(counts, page_tables_are_a_tenth_of_those_of_a_plain_mapping)
{
	long before, nested, plain, faults;
	int fd = open("/tmp/shared_region_content", O_RDONLY);
	char *file;

	before = status_number("VmPTE:");
	ASSERT_EQ(0, shared_region_check(self->region.device, 0, &self->check));
	touch(region_text(&self->region), TEXT);
	nested = status_number("VmPTE:") - before;
	before = status_number("VmPTE:");
	file = mmap(NULL, TEXT, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	ASSERT_NE(MAP_FAILED, file);
	faults = faults_of(file);
	plain = status_number("VmPTE:") - before;
	close(fd);
	TH_LOG("VmPTE: nested %ld kB, plain file mapping %ld kB with %ld minor faults", nested, plain, faults);
	EXPECT_LE(nested * 10, plain);
	EXPECT_LE(1000, faults);	/* else this is no plain mapping, and nothing was compared */
}

TEST_F(counts, text_is_right_and_runs)
{
	size_t i;

	ASSERT_EQ(0, shared_region_check(self->region.device, 0, &self->check));
	ASSERT_EQ(self->region.base, (char *)self->check.base);
	EXPECT_EQ(0, region_wrong_pages(&self->region, 0, self->region.size / PAGE));
	for (i = 0; i < TEXT / PAGE; i += 511)
		ASSERT_EQ((int)i, ((int (*)(void))(region_text(&self->region) + i * PAGE))());
}

/* TEST_HARNESS_MAIN, but for its main() */
static void __attribute__((constructor)) __constructor_order_last(void)
{
	if (!__constructor_order)
		__constructor_order = _CONSTRUCTOR_ORDER_BACKWARD;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "lazy"))
		return attach_and_touch(0);
	if (argc == 2 && !strcmp(argv[1], "eager"))
		return attach_and_touch(SHARED_REGION_CHECK_EAGER);
	return test_harness_run(argc, argv);
}
