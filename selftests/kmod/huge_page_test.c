// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Group 5: huge pages of 1 GiB where a large region was. Such a page has no PMD entries: the module must not look for
 * them. Its boot has one such page.
 */
#include "lib/witness.h"

#include <errno.h>
#include <linux/mman.h>
#include <string.h>
#include <sys/mman.h>

#include "kselftest_harness.h"

#define PAGE	4096UL
#define MB	(1UL << 20)
#define GB	(1UL << 30)

FIXTURE(huge)
{
	struct region region;
	struct expected expected;
	struct shared_region_check check;
	char *aligned;
};

FIXTURE_SETUP(huge)
{
	region_describe(&self->region, 2 * MB, MB, MB / 2);
	/* 3 GiB, wherever they begin, hold an aligned one behind the content, of which nothing is configured */
	self->region.size = 3 * GB;
	self->region.request.region_size = 3 * GB;
	ASSERT_EQ(0, region_configure(&self->region));
	ASSERT_EQ(0, expected_compute(&self->expected, &self->region));
	ASSERT_EQ(0, shared_region_check(self->region.device, SHARED_REGION_CHECK_EAGER, &self->check));
	self->aligned = (char *)(((unsigned long)self->region.base + GB) & ~(GB - 1));
	if ((unsigned long)self->aligned < (unsigned long)self->region.base + 4 * MB)
		self->aligned += GB;
}

FIXTURE_TEARDOWN(huge)
{
	expected_free(&self->expected);
	region_close(&self->region);
}

SLOW_TEST_F(huge, a_page_of_1_gib_in_its_range_is_left_alone)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_HUGETLB | MAP_HUGE_1GB;
	int turn;

	ASSERT_EQ(0, expected_all_wrong(&self->expected));
	for (turn = 0; turn < 2; turn++) {
		ASSERT_EQ(0, munmap(self->aligned, GB));
		ASSERT_EQ(self->aligned, mmap(self->aligned, GB, PROT_READ | PROT_WRITE, flags, -1, 0))
			TH_LOG("%s: huge pages of 1 GiB are reserved?", strerror(errno));
		/* what stands there would be taken for PMD entries: locked, compared, cleared */
		memset(self->aligned, 0x67, 4 * MB);
		ASSERT_EQ(0, mprotect(self->aligned, GB, PROT_READ));
		EXPECT_EQ(0x67, self->aligned[4 * MB - 1]);
		EXPECT_EQ(0, expected_all_wrong(&self->expected));
	}
	ASSERT_EQ(0, munmap(self->aligned, GB));
	ASSERT_EQ(0, shared_region_detach(self->region.device));
	ASSERT_EQ(0, shared_region_check(self->region.device, 0, &self->check));
	EXPECT_EQ(0, expected_all_wrong(&self->expected));
}

TEST_HARNESS_MAIN
