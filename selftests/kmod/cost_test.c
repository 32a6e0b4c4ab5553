// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the region costs, in instructions: for a guest with -icount, where the TSC counts them one by one.
 *
 * Each iteration of a string instruction counts as one. Figures are medians, less what an empty measurement shows.
 * Each test prints what it found; the limits are those of the project's requirements (docs/performance.md).
 */
#include "lib/fixture.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#define PAGE	4096UL
#define MB	(1UL << 20)
#define SAMPLES	15

static uint64_t now(void)
{
	uint32_t low, high;

	__asm__ volatile("lfence; rdtsc; lfence" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

static uint64_t since(uint64_t start)
{
	return now() - start;
}

/* Two instructions per turn. */
static void spin(uint64_t turns)
{
	__asm__ volatile("1: dec %0; jnz 1b" : "+r"(turns));
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static uint64_t median(uint64_t *samples, size_t count)
{
	qsort(samples, count, sizeof(*samples), compare);
	return samples[count / 2];
}

static uint64_t empty_measurement(void)
{
	uint64_t samples[SAMPLES];

	for (int i = 0; i < SAMPLES; i++)
		samples[i] = since(now());
	return median(samples, SAMPLES);
}

/* Two mappings, as no filler is left: 64 MiB of text and 2 MiB of data. */
FIXTURE(cost)
{
	struct region region;
	uint64_t *answer;	/* of a child */
	uint64_t empty;
};

FIXTURE_SETUP(cost)
{
	region_describe(&self->region, 64 * MB, 2 * MB, 0);
	ASSERT_EQ(0, region_configure(&self->region));
	self->answer = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	ASSERT_NE(MAP_FAILED, self->answer);
	self->empty = empty_measurement();
}

FIXTURE_TEARDOWN(cost)
{
	region_close(&self->region);
}

typedef uint64_t (*measure_fn)(const struct region *region);

/* The median of what `measure` finds, each time in a new process that was never attached. */
static uint64_t cost_in_new_process(FIXTURE_DATA(cost) *self, measure_fn measure)
{
	uint64_t samples[SAMPLES];
	int status;

	for (int i = 0; i < SAMPLES; i++) {
		pid_t pid = fork();

		if (!pid) {
			struct shared_region_query query;

			/* the pages of this stack are copied before it counts */
			shared_region_query(self->region.device, &query);
			self->answer[0] = measure(&self->region);
			_exit(0);
		}
		if (waitpid(pid, &status, 0) != pid || status)
			return UINT64_MAX;
		samples[i] = self->answer[0] - self->empty;
	}
	return median(samples, SAMPLES);
}

static uint64_t attach(const struct region *region, uint32_t flags)
{
	struct shared_region_check check;
	uint64_t start = now();

	if (shared_region_check(region->device, flags, &check))
		_exit(1);
	return since(start);
}

static uint64_t attach_lazily(const struct region *region)
{
	return attach(region, 0);
}

static uint64_t attach_eagerly(const struct region *region)
{
	return attach(region, SHARED_REGION_CHECK_EAGER);
}

static uint64_t read_once(const char *at)
{
	uint64_t start = now();

	(void)*(const volatile char *)at;
	return since(start);
}

static uint64_t write_once(char *at)
{
	uint64_t start = now();

	*(volatile char *)at = 1;
	return since(start);
}

/* The median, as a timer's interrupt or another task may come in between. */
static uint64_t cost_of_spinning(uint64_t turns)
{
	uint64_t samples[SAMPLES], start;

	for (int i = 0; i < SAMPLES; i++) {
		start = now();
		spin(turns);
		samples[i] = since(start);
	}
	return median(samples, SAMPLES);
}

TEST_F(cost, the_clock_counts_instructions)
{
	uint64_t one = cost_of_spinning(1000) - self->empty;
	uint64_t two = cost_of_spinning(100000) - self->empty;

	TH_LOG("2000 instructions: %lu; 200000 instructions: %lu; nothing: %lu", one, two, self->empty);
	/* else this is not a guest with -icount, and nothing below counts */
	EXPECT_LE(2000, one);
	EXPECT_GE(2020, one);
	EXPECT_LE(200000, two);
	EXPECT_GE(202000, two);
}

/* ---- attach and faults ---- */

TEST_F(cost, attach_with_two_mappings)
{
	uint64_t lazy = cost_in_new_process(self, attach_lazily);
	uint64_t eager = cost_in_new_process(self, attach_eagerly);

	TH_LOG("attach: lazy %lu, eager %lu instructions", lazy, eager);
	EXPECT_GE(30000, lazy);
}

static uint64_t first_read(const struct region *region)
{
	attach(region, 0);
	return read_once(region_text(region) + 5 * PAGE);
}

TEST_F(cost, first_read_fault)
{
	uint64_t cost = cost_in_new_process(self, first_read);

	TH_LOG("first read: %lu instructions for %lu slots", cost, self->region.size / (2 * MB));
	EXPECT_GE(25000, cost);
}

static uint64_t first_write(const struct region *region)
{
	attach(region, 0);
	read_once(region_data(region));
	return write_once(region_data(region) + 5 * PAGE);
}

static uint64_t second_write(const struct region *region)
{
	first_write(region);
	read_once(region_data(region) + 6 * PAGE);
	return write_once(region_data(region) + 6 * PAGE);
}

static uint64_t write_to_plain_file(const struct region *region)
{
	int fd = open("/tmp/shared_region_content", O_RDONLY);
	char *file = mmap(NULL, 2 * MB, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, (off_t)region->text_size);

	if (file == MAP_FAILED)
		_exit(1);
	read_once(file + 5 * PAGE);
	write_once(file + 4 * PAGE);
	return write_once(file + 5 * PAGE);
}

TEST_F(cost, unnest_and_copy_on_write)
{
	uint64_t first = cost_in_new_process(self, first_write);
	uint64_t second = cost_in_new_process(self, second_write);
	uint64_t plain = cost_in_new_process(self, write_to_plain_file);

	TH_LOG("first write in a slot: %lu, second: %lu, in a plain file mapping: %lu instructions", first, second, plain);
	EXPECT_GE(20000, first);
}

/* ---- touching 64 MB ---- */

static uint64_t touch_text(const struct region *region)
{
	uint64_t start;

	attach(region, 0);
	start = now();
	touch(region_text(region), 64 * MB);
	return since(start);
}

static uint64_t touch_plain_file(const struct region *region)
{
	int fd = open("/tmp/shared_region_content", O_RDONLY);
	char *file = mmap(NULL, 64 * MB, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	uint64_t start = now();

	(void)region;
	if (file == MAP_FAILED)
		_exit(1);
	touch(file, 64 * MB);
	return since(start);
}

TEST_F(cost, touching_64_mb)
{
	uint64_t nested = cost_in_new_process(self, touch_text);
	uint64_t plain = cost_in_new_process(self, touch_plain_file);

	TH_LOG("touch 64 MB: nested %lu, plain file mapping %lu instructions: %.4f", nested, plain,
	       (double)nested / (double)plain);
	EXPECT_LE(nested * 20, plain);
}

/* ---- fork and exit ---- */

static uint64_t fork_and_exit(void)
{
	uint64_t start = now();
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(0);
	if (waitpid(pid, &status, 0) != pid)
		return UINT64_MAX;
	return since(start);
}

static uint64_t median_of_forks(uint64_t empty)
{
	uint64_t samples[SAMPLES];

	for (int i = 0; i < SAMPLES; i++)
		samples[i] = fork_and_exit() - empty;
	return median(samples, SAMPLES);
}

TEST_F(cost, fork_and_exit_of_an_attached_process)
{
	uint64_t without = median_of_forks(self->empty), attached, nested, written;

	attach(&self->region, 0);
	attached = median_of_forks(self->empty);
	touch(region_text(&self->region), 64 * MB);
	nested = median_of_forks(self->empty);
	region_data(&self->region)[0] = 1;
	written = median_of_forks(self->empty);
	TH_LOG("fork and exit: %lu without, %lu attached (%.3f), %lu nested (%.3f), %lu with a copied page (%.3f)",
	       without, attached, (double)attached / (double)without, nested, (double)nested / (double)without,
	       written, (double)written / (double)without);
	EXPECT_LE(attached * 2, without * 3);
	EXPECT_LE(nested * 2, without * 3);
}

/* What passes from a child's last instruction to its parent's return from waitpid(). */
static uint64_t exit_latency(FIXTURE_DATA(cost) *self, measure_fn prepare)
{
	uint64_t samples[SAMPLES];
	int status;

	for (int i = 0; i < SAMPLES; i++) {
		pid_t pid = fork();

		if (!pid) {
			prepare(&self->region);
			self->answer[0] = now();
			_exit(0);
		}
		if (waitpid(pid, &status, 0) != pid || status)
			return UINT64_MAX;
		samples[i] = since(self->answer[0]) - self->empty;
	}
	return median(samples, SAMPLES);
}

static uint64_t do_nothing(const struct region *region)
{
	return (uint64_t)region->device;
}

TEST_F(cost, exit_latency)
{
	uint64_t without = exit_latency(self, do_nothing);
	uint64_t attached = exit_latency(self, attach_lazily);
	uint64_t nested = exit_latency(self, touch_text);
	uint64_t plain = exit_latency(self, touch_plain_file);

	TH_LOG("exit: %lu without, %lu attached (%.3f), %lu after touching 64 MB (%.3f), plain file mapping %lu (%.3f)",
	       without, attached, (double)attached / (double)without, nested, (double)nested / (double)without,
	       plain, (double)plain / (double)without);
	EXPECT_LE(attached * 10, without * 12);
	EXPECT_LE(nested * 10, without * 12);
}

TEST_HARNESS_MAIN
