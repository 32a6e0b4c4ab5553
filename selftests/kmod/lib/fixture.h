/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small region for tests: text, writable data with words that slide, read-only data, and a filler.
 *
 *   0           TEXT_SIZE    R-X   page i begins with `mov $i, %eax; ret`, then a pattern
 *   TEXT_SIZE   DATA_SIZE    RW    pattern; the first word of each page slides (its value is its own offset)
 *   + DATA_SIZE RODATA_SIZE  R     pattern
 *   + ...       up to 2 MiB  ---   nothing
 */
#ifndef SHREG_FIXTURE_H
#define SHREG_FIXTURE_H

#include "shared_region.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The harness's 30 seconds are few on a busy machine, or on a debug kernel. */
#define SLOW_TEST_F(fixture, name) TEST_F_TIMEOUT(fixture, name, 240)

struct region {
	int device;
	int result;			/* of configuring: 0 or -errno */
	char *base;
	size_t text_size, data_size, rodata_size, size;
	struct shared_region_mapping mappings[6];
	struct shared_region_map_and_slide request;
	uint64_t *slide;
};

/* Small: 2 slots of text, 1 slot shared by data and read-only data and filler. */
void region_describe(struct region *region, size_t text_size, size_t data_size, size_t rodata_size);
/* One more mapping with the content that is there: pages that are writable only for who asks for them. */
void region_put_on_request(struct region *region, size_t offset, size_t size, const char *name);
int region_configure(struct region *region);
void region_close(struct region *region);

/* What stands in page `page` of the region; compares or writes. */
void region_expected_page(const struct region *region, size_t page, void *to);
bool region_page_is_right(const struct region *region, size_t page);
/* Number of wrong pages in [first, first + count). */
long region_wrong_pages(const struct region *region, size_t first, size_t count);

static inline char *region_text(const struct region *region)
{
	return region->base;
}

static inline char *region_data(const struct region *region)
{
	return region->base + region->text_size;
}

static inline char *region_rodata(const struct region *region)
{
	return region_data(region) + region->data_size;
}

static inline char *region_filler(const struct region *region)
{
	return region_rodata(region) + region->rodata_size;
}

/* Minor faults of this process so far. */
long minor_faults(void);
/* Reads one byte per page. */
void touch(const volatile char *from, size_t size);
/* Runs `body` in a child; returns its exit code, or 128 + signal. */
int in_child(int (*body)(void *data), void *data);
/* A number from a /proc/self/status line such as "VmPTE:"; -1 if there is none. */
long status_number(const char *key);
/* What reading (or writing, or calling) at `address` raises; signal 0: nothing. */
struct fault {
	int signal;
	int code;	/* si_code */
	void *address;	/* si_addr */
};

struct fault fault_of_read(const void *address);
struct fault fault_of_write(void *address);
struct fault fault_of_call(const void *address);
/* Only the signal's number. */
int signal_of_read(const void *address);
int signal_of_write(void *address);
int signal_of_call(const void *address);

#endif
