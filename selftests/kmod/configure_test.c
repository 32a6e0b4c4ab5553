// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Group 13: configuring: files that are being written, hashes, slide lists as linkers make them, and several who do it
 * at once, some of whom die.
 */
#include "lib/fixture.h"
#include "lib/library.h"
#include "lib/sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"

#define PAGE		4096UL
#define MB		(1UL << 20)
#define SLOT		(2 * MB)
#define CONTENT		"/tmp/shared_region_content"
#define RELR_LIBRARY	"/test/relr.so"	/* the machine's libc.so.6 */
#define RELA_LIBRARY	"/test/rela.so"	/* its libstdc++.so.6 */
#define SLOW_MAPPINGS	4000

FIXTURE(configure)
{
	int fd;
	struct region region;
	struct shared_region_check check;
	struct shared_region_query query;
};

FIXTURE_SETUP(configure)
{
	int i, file;

	self->fd = shared_region_open();
	ASSERT_LE(0, self->fd);
	region_describe(&self->region, SLOT, MB, MB / 2);
	/* the content's file, then out of the way */
	ASSERT_EQ(0, region_configure(&self->region));
	close(self->region.device);
	self->region.device = -1;
	file = open(CONTENT, O_RDONLY);
	ASSERT_LE(0, file);
	for (i = 0; i < 3; i++)
		self->region.mappings[i].fd = file;
	for (i = 0; i < 500; i++) {
		ASSERT_EQ(0, shared_region_query(self->fd, &self->query));
		if (self->query.state == SHARED_REGION_STATE_NONE)
			break;
		usleep(10000);
	}
	ASSERT_EQ(SHARED_REGION_STATE_NONE, self->query.state);
}

FIXTURE_TEARDOWN(configure)
{
	region_close(&self->region);
	close(self->fd);
}

static int again(struct region *region, int fd)
{
	return shared_region_configure(fd, &region->request);
}

static uint32_t state_of(int fd)
{
	struct shared_region_query query;

	return shared_region_query(fd, &query) ? ~0U : query.state;
}

static int wait_for_state(int fd, uint32_t state)
{
	int turn;

	for (turn = 0; turn < 1000; turn++) {
		if (state_of(fd) == state)
			return 0;
		usleep(10000);
	}
	return -1;
}

/* ---- files ---- */

TEST_F(configure, a_file_that_is_open_for_writing_is_etxtbsy)
{
	int writer = open(CONTENT, O_WRONLY);

	ASSERT_LE(0, writer);
	EXPECT_EQ(-ETXTBSY, again(&self->region, self->fd));
	EXPECT_EQ(SHARED_REGION_STATE_NONE, state_of(self->fd));
	close(writer);
	EXPECT_EQ(0, again(&self->region, self->fd));
	/* sealed: the file may change, the region does not */
	writer = open(CONTENT, O_WRONLY);
	EXPECT_LE(0, writer);
	ASSERT_EQ(4, pwrite(writer, "\0\0\0\0", 4, 0));
	close(writer);
	self->region.base = (char *)self->region.request.base;
	ASSERT_EQ(0, shared_region_check(self->fd, 0, &self->check));
	EXPECT_EQ(0, region_wrong_pages(&self->region, 0, (SLOT + MB + MB / 2) / PAGE));
}

TEST_F(configure, a_file_that_is_mapped_for_writing_is_etxtbsy)
{
	int writer = open(CONTENT, O_RDWR);
	char *map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, writer, 0);

	ASSERT_NE(MAP_FAILED, map);
	close(writer);
	EXPECT_EQ(-ETXTBSY, again(&self->region, self->fd));
	munmap(map, PAGE);
	EXPECT_EQ(0, again(&self->region, self->fd));
}

TEST_F(configure, a_file_can_be_written_again_after_a_failure)
{
	int writer;

	self->region.request.flags = SHARED_REGION_VERIFY_SHA256;
	EXPECT_EQ(-EBADMSG, again(&self->region, self->fd));
	writer = open(CONTENT, O_WRONLY);
	EXPECT_LE(0, writer);
	close(writer);
}

/* ---- SHA-256 ---- */

/* As the header defines it: the bytes before sliding, zeros where nothing is, then the slide words. */
static void hash_of_request(const struct region *region, uint8_t digest[32])
{
	size_t words = region->mappings[1].slide_count * 8;
	char *bytes = calloc(1, region->size + words);
	size_t got = 0;

	if (pread(region->mappings[0].fd, bytes, region->size, 0) > 0)
		got = region->size;
	memcpy(bytes + got, region->slide, words);
	sha256_of(bytes, got + words, digest);
	free(bytes);
}

TEST(sha256_of_the_test_is_right)
{
	static const uint8_t abc[4] = { 0xba, 0x78, 0x16, 0xbf }, empty[4] = { 0xe3, 0xb0, 0xc4, 0x42 };
	static const uint8_t two[4] = { 0x24, 0x8d, 0x6a, 0x61 };
	uint8_t digest[32];

	sha256_of("abc", 3, digest);
	EXPECT_EQ(0, memcmp(digest, abc, 4));
	sha256_of("", 0, digest);
	EXPECT_EQ(0, memcmp(digest, empty, 4));
	sha256_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, digest);
	EXPECT_EQ(0, memcmp(digest, two, 4));
}

TEST_F(configure, the_right_hash_is_accepted)
{
	self->region.request.flags = SHARED_REGION_VERIFY_SHA256;
	hash_of_request(&self->region, self->region.request.sha256);
	ASSERT_EQ(0, again(&self->region, self->fd));
	self->region.base = (char *)self->region.request.base;
	ASSERT_EQ(0, shared_region_check(self->fd, 0, &self->check));
	EXPECT_EQ(0, region_wrong_pages(&self->region, 0, (SLOT + MB + MB / 2) / PAGE));
}

TEST_F(configure, a_hash_with_one_wrong_bit_is_refused)
{
	self->region.request.flags = SHARED_REGION_VERIFY_SHA256;
	hash_of_request(&self->region, self->region.request.sha256);
	self->region.request.sha256[31] ^= 1;
	EXPECT_EQ(-EBADMSG, again(&self->region, self->fd));
	EXPECT_EQ(SHARED_REGION_STATE_NONE, state_of(self->fd));
}

TEST_F(configure, the_hash_covers_the_slide_words)
{
	self->region.request.flags = SHARED_REGION_VERIFY_SHA256;
	hash_of_request(&self->region, self->region.request.sha256);
	self->region.slide[3] += 8;
	EXPECT_EQ(-EBADMSG, again(&self->region, self->fd));
	self->region.slide[3] -= 8;
	self->region.mappings[1].slide_count--;
	EXPECT_EQ(-EBADMSG, again(&self->region, self->fd));
	self->region.mappings[1].slide_count++;
	EXPECT_EQ(0, again(&self->region, self->fd));
}

TEST_F(configure, the_hash_covers_every_page)
{
	int writer;

	self->region.request.flags = SHARED_REGION_VERIFY_SHA256;
	hash_of_request(&self->region, self->region.request.sha256);
	writer = open(CONTENT, O_WRONLY);
	ASSERT_EQ(1, pwrite(writer, "?", 1, SLOT + MB + MB / 2 - 1));
	close(writer);
	EXPECT_EQ(-EBADMSG, again(&self->region, self->fd));
}

/* ---- slide lists of real libraries ---- */

static int configure_library(const struct library *library, struct region *region, int fd)
{
	struct shared_region_mapping map = {
		.fd = library_write_image(library),
		.prot = SHARED_REGION_PROT_READ | SHARED_REGION_PROT_WRITE,
		.flags = SHARED_REGION_MAPPING_PRIVATE,
		.length = library->end,
		.slide = (uint64_t)library->relr,
		.slide_count = library->relr_count,
	};

	region->request.mappings = (uint64_t)&map;
	region->request.mapping_count = 1;
	region->request.region_size = library->end;
	return again(region, fd);
}

static void slide_library(struct __test_metadata *_metadata, FIXTURE_DATA(configure) *self, const char *path)
{
	struct library library;

	ASSERT_EQ(0, library_read(path, &library));
	ASSERT_LT(100, library.relative_count);
	TH_LOG("%s: %zu words in %zu entries, %zu of them bitmaps", path, library.relative_count,
	       library.relr_count, library_bitmaps(&library));
	EXPECT_LT(10, library_bitmaps(&library));
	ASSERT_EQ(0, configure_library(&library, &self->region, self->fd));
	ASSERT_EQ(0, shared_region_check(self->fd, 0, &self->check));
	EXPECT_EQ(0, library_wrong_words(&library, (char *)self->check.base));
}

TEST_F(configure, a_librarys_dt_relr_is_a_slide_list)
{
	if (access(RELR_LIBRARY, R_OK))
		SKIP(return, "no %s in this guest", RELR_LIBRARY);
	slide_library(_metadata, self, RELR_LIBRARY);
}

TEST_F(configure, a_librarys_relative_relocations_make_a_slide_list)
{
	if (access(RELA_LIBRARY, R_OK))
		SKIP(return, "no %s in this guest", RELA_LIBRARY);
	slide_library(_metadata, self, RELA_LIBRARY);
}

/* ---- several at once, and their death ---- */

/* A request that takes many seconds: the same content thousands of times. */
static void make_slow(struct region *region, unsigned char uuid)
{
	struct shared_region_mapping *slow = calloc(SLOW_MAPPINGS, sizeof(*slow));

	for (int i = 0; i < SLOW_MAPPINGS; i++) {
		slow[i] = region->mappings[0];
		slow[i].slide_count = 0;
	}
	region->request.mappings = (uint64_t)slow;
	region->request.mapping_count = SLOW_MAPPINGS;
	region->request.uuid[0] = uuid;
}

static pid_t start_configurator(struct region *region, int keep)
{
	pid_t pid = fork();

	if (!pid) {
		int fd = shared_region_open();
		int ret = again(region, fd);

		if (keep)
			usleep(keep);
		_exit(-ret);
	}
	return pid;
}

static pid_t start_checker(void)
{
	pid_t pid = fork();

	if (!pid) {
		struct shared_region_check check;

		_exit(-shared_region_check(shared_region_open(), SHARED_REGION_CHECK_WAIT, &check));
	}
	return pid;
}

static int end_of(pid_t pid)
{
	int status;

	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int still_runs(pid_t pid)
{
	return waitpid(pid, NULL, WNOHANG) == 0;
}

TEST_F(configure, a_killed_configurator_leaves_nothing_wherever_it_was)
{
	struct region slow = self->region;
	int turn;

	make_slow(&slow, 1);
	for (turn = 0; turn < 25; turn++) {
		pid_t pid = start_configurator(&slow, 0);

		usleep(turn * turn * 400);
		kill(pid, SIGKILL);
		EXPECT_EQ(128 + SIGKILL, end_of(pid));
		EXPECT_EQ(0, wait_for_state(self->fd, SHARED_REGION_STATE_NONE));
	}
	EXPECT_EQ(0, again(&self->region, self->fd));
}

TEST_F(configure, a_killed_waiter_of_check_harms_nobody)
{
	struct region slow = self->region;
	pid_t configurator, waiters[3];

	make_slow(&slow, 1);
	configurator = start_configurator(&slow, 0);
	ASSERT_EQ(0, wait_for_state(self->fd, SHARED_REGION_STATE_CONFIGURING));
	EXPECT_EQ(-EAGAIN, shared_region_check(self->fd, 0, &self->check));
	for (int i = 0; i < 3; i++)
		waiters[i] = start_checker();
	usleep(300000);
	for (int i = 0; i < 2; i++) {
		ASSERT_TRUE(still_runs(waiters[i]));
		kill(waiters[i], SIGKILL);
		EXPECT_EQ(128 + SIGKILL, end_of(waiters[i]));
	}
	EXPECT_TRUE(still_runs(configurator));
	EXPECT_TRUE(still_runs(waiters[2]));
	/* the configurator dies: the last one learns that there is nothing */
	kill(configurator, SIGKILL);
	EXPECT_EQ(128 + SIGKILL, end_of(configurator));
	EXPECT_EQ(ENOMEM, end_of(waiters[2]));
	EXPECT_EQ(0, again(&self->region, self->fd));
}

TEST_F(configure, a_killed_waiter_of_map_and_slide_harms_nobody)
{
	struct region slow = self->region;
	pid_t configurator, killed, heir;

	make_slow(&slow, 1);
	configurator = start_configurator(&slow, 0);
	ASSERT_EQ(0, wait_for_state(self->fd, SHARED_REGION_STATE_CONFIGURING));
	killed = start_configurator(&self->region, 0);
	heir = start_configurator(&self->region, 0);
	usleep(300000);
	ASSERT_TRUE(still_runs(killed));
	kill(killed, SIGKILL);
	EXPECT_EQ(128 + SIGKILL, end_of(killed));
	EXPECT_TRUE(still_runs(configurator));
	EXPECT_TRUE(still_runs(heir));
	/* and when the first one dies, the next one configures */
	kill(configurator, SIGKILL);
	EXPECT_EQ(128 + SIGKILL, end_of(configurator));
	EXPECT_EQ(0, end_of(heir));
}

TEST_F(configure, an_ordinary_signal_does_not_wake_a_waiter)
{
	struct region slow = self->region;
	pid_t configurator, waiter;

	make_slow(&slow, 1);
	configurator = start_configurator(&slow, 0);
	ASSERT_EQ(0, wait_for_state(self->fd, SHARED_REGION_STATE_CONFIGURING));
	waiter = start_checker();
	usleep(200000);
	kill(waiter, SIGCHLD);
	kill(waiter, SIGWINCH);
	usleep(100000);
	EXPECT_TRUE(still_runs(waiter));
	kill(configurator, SIGKILL);
	end_of(configurator);
	EXPECT_EQ(ENOMEM, end_of(waiter));
}

TEST_F(configure, two_at_once_with_the_same_configuration_both_succeed)
{
	pid_t first = start_configurator(&self->region, 300000);
	pid_t second = start_configurator(&self->region, 300000);

	EXPECT_EQ(0, end_of(first));
	EXPECT_EQ(0, end_of(second));
}

TEST_F(configure, two_at_once_with_different_configurations_one_is_eexist)
{
	struct region other = self->region;
	int turn, first, second, both = 0;

	other.request.uuid[0]++;
	for (turn = 0; turn < 10; turn++) {
		pid_t pids[2] = { start_configurator(&self->region, 200000), start_configurator(&other, 200000) };

		first = end_of(pids[0]);
		second = end_of(pids[1]);
		EXPECT_TRUE((first == 0 && second == EEXIST) || (first == EEXIST && second == 0));
		both += !first != !second;
		ASSERT_EQ(0, wait_for_state(self->fd, SHARED_REGION_STATE_NONE));
	}
	EXPECT_EQ(10, both);
}

TEST_F(configure, whoever_waits_for_one_that_fails_configures)
{
	struct region bad = self->region;
	int turn;

	bad.request.flags = SHARED_REGION_VERIFY_SHA256;
	for (turn = 0; turn < 10; turn++) {
		pid_t first = start_configurator(&bad, 0), second = start_configurator(&self->region, 0);
		int result = end_of(first);

		EXPECT_TRUE(result == EBADMSG || result == EEXIST);
		EXPECT_EQ(0, end_of(second));
		ASSERT_EQ(0, wait_for_state(self->fd, SHARED_REGION_STATE_NONE));
	}
}

TEST_HARNESS_MAIN
