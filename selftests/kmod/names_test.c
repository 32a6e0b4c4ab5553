// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Group 13 and item 5: /proc/PID/maps names the region and the image, with few VMAs all the same.
 */
#include "lib/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kselftest_harness.h"

#define PAGE	4096UL
#define MB	(1UL << 20)
#define SLOT	(2 * MB)
#define UUID	"30313233-3435-3637-3839-616263646566"
#define PREFIX	"shared_region:" UUID

FIXTURE(names)
{
	struct region region;
	struct shared_region_check check;
	char line[256];
	long vmas;
};

FIXTURE_SETUP(names)
{
	region_describe(&self->region, SLOT, MB, MB / 2);
}

FIXTURE_TEARDOWN(names)
{
	region_close(&self->region);
}

/* The name of the VMA at `address`, and how many VMAs the region has. */
static const char *name_at(const struct region *region, const char *address, char line[256], long *vmas)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char text[512], found[512] = "";
	unsigned long start, end;
	int at;

	*vmas = 0;
	while (fgets(text, sizeof(text), maps)) {
		text[strcspn(text, "\n")] = 0;
		if (sscanf(text, "%lx-%lx %*s %*s %*s %*s %n", &start, &end, &at) != 2)
			continue;
		*vmas += start >= (unsigned long)region->base && end <= (unsigned long)region->base + region->size;
		if (start <= (unsigned long)address && (unsigned long)address < end)
			strcpy(found, text + at);
	}
	fclose(maps);
	snprintf(line, 256, "%s", found);
	return line;
}

#define EXPECT_NAME(expected, address)	\
	EXPECT_STREQ(expected, name_at(&self->region, address, self->line, &self->vmas))

TEST_F(names, each_mapping_has_its_name)
{
	self->region.mappings[0].name = (uint64_t)"libexample.so.1 text";
	self->region.mappings[1].name = (uint64_t)"data";
	self->region.mappings[2].name = (uint64_t)"usr/lib/rodata";
	ASSERT_EQ(0, region_configure(&self->region));
	ASSERT_EQ(0, shared_region_check(self->region.device, 0, &self->check));
	EXPECT_NAME(PREFIX "/libexample.so.1 text", region_text(&self->region) + MB);
	EXPECT_NAME(PREFIX "/data", region_data(&self->region));
	EXPECT_NAME(PREFIX "/usr/lib/rodata", region_rodata(&self->region));
	EXPECT_NAME(PREFIX, region_filler(&self->region));
	EXPECT_EQ(4, self->vmas);
	EXPECT_EQ(0, region_wrong_pages(&self->region, 0, (SLOT + MB + MB / 2) / PAGE));
	/* a VMA that is split keeps it */
	ASSERT_EQ(0, signal_of_write(region_data(&self->region)));
	EXPECT_NAME(PREFIX "/data", region_data(&self->region));
}

TEST_F(names, without_names_there_is_the_uuid)
{
	ASSERT_EQ(0, region_configure(&self->region));
	ASSERT_EQ(0, shared_region_check(self->region.device, 0, &self->check));
	EXPECT_NAME(PREFIX, region_text(&self->region));
	EXPECT_NAME(PREFIX, region_rodata(&self->region));
}

/* Four pieces of text in one VMA; the third is hidden by the fourth. */
static void describe_pieces(struct region *region, struct shared_region_mapping pieces[5])
{
	int i;

	for (i = 0; i < 5; i++) {
		pieces[i] = (struct shared_region_mapping) {
			.fd = -1,
			.flags = SHARED_REGION_MAPPING_ZERO,
			.prot = SHARED_REGION_PROT_READ | SHARED_REGION_PROT_EXEC,
			.region_offset = i * 16 * PAGE,
			.length = 16 * PAGE,
		};
	}
	pieces[0].name = (uint64_t)"first";
	pieces[1].name = (uint64_t)"second";
	pieces[2].name = (uint64_t)"hidden";
	pieces[3].name = (uint64_t)"over";
	pieces[3].region_offset = pieces[2].region_offset;
	pieces[4].prot = SHARED_REGION_PROT_READ;
	pieces[4].region_offset = 3 * 16 * PAGE;
	pieces[4].name = (uint64_t)"alone";
	region->request.mappings = (uint64_t)pieces;
	region->request.mapping_count = 5;
}

TEST_F(names, merged_mappings_are_the_first_and_a_number)
{
	struct shared_region_mapping pieces[5];

	describe_pieces(&self->region, pieces);
	ASSERT_EQ(0, region_configure(&self->region));
	ASSERT_EQ(0, shared_region_check(self->region.device, 0, &self->check));
	EXPECT_NAME(PREFIX "/first+2", self->region.base);
	EXPECT_NAME(PREFIX "/first+2", self->region.base + 40 * PAGE);
	EXPECT_NAME(PREFIX "/alone", self->region.base + 50 * PAGE);
	EXPECT_EQ(3, self->vmas);
}

TEST_F(names, the_first_that_has_a_name_counts)
{
	struct shared_region_mapping pieces[5];

	describe_pieces(&self->region, pieces);
	pieces[0].name = 0;
	ASSERT_EQ(0, region_configure(&self->region));
	ASSERT_EQ(0, shared_region_check(self->region.device, 0, &self->check));
	EXPECT_NAME(PREFIX "/second+2", self->region.base);
}

TEST_F(names, a_name_has_up_to_63_characters)
{
	char name[80];

	memset(name, 'n', sizeof(name));
	self->region.mappings[0].name = (uint64_t)name;
	name[64] = 0;
	EXPECT_EQ(-ENAMETOOLONG, region_configure(&self->region));
	close(self->region.device);
	name[63] = 0;
	ASSERT_EQ(0, region_configure(&self->region));
	ASSERT_EQ(0, shared_region_check(self->region.device, 0, &self->check));
	name_at(&self->region, self->region.base, self->line, &self->vmas);
	EXPECT_EQ(strlen(PREFIX) + 1 + 63, strlen(self->line));
}

TEST_F(names, what_is_not_printable_is_refused)
{
	static const char *const bad[] = { "new\nline", "tab\t", "\x7f", "\xc3\xa4" };
	size_t i;

	for (i = 0; i < 4; i++) {
		self->region.mappings[1].name = (uint64_t)bad[i];
		EXPECT_EQ(-EINVAL, region_configure(&self->region));
		close(self->region.device);
	}
	self->region.mappings[1].name = 8;
	EXPECT_EQ(-EFAULT, region_configure(&self->region));
}

/* Callers that know the first version of the structure go on as before. */
TEST_F(names, the_first_versions_mappings_are_served)
{
	size_t old = offsetof(struct shared_region_mapping, name), i;
	char *array = calloc(3, old);
	int fd;

	ASSERT_EQ(0, region_configure(&self->region));
	close(self->region.device);
	usleep(200000);
	fd = open("/tmp/shared_region_content", O_RDONLY);
	for (i = 0; i < 3; i++) {
		self->region.mappings[i].fd = fd;
		memcpy(array + i * old, &self->region.mappings[i], old);
	}
	self->region.device = shared_region_open();
	self->region.request.mappings = (uint64_t)array;
	self->region.request.size = sizeof(self->region.request);
	self->region.request.mapping_size = old;
	ASSERT_EQ(0, ioctl(self->region.device, SHARED_REGION_MAP_AND_SLIDE, &self->region.request));
	self->region.base = (char *)self->region.request.base;
	ASSERT_EQ(0, shared_region_check(self->region.device, 0, &self->check));
	EXPECT_EQ(0, region_wrong_pages(&self->region, 0, (SLOT + MB + MB / 2) / PAGE));
	self->region.request.mapping_size = old - 8;
	EXPECT_EQ(-1, ioctl(self->region.device, SHARED_REGION_MAP_AND_SLIDE, &self->region.request));
	EXPECT_EQ(EINVAL, errno);
}

TEST_HARNESS_MAIN
