// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Group 13 and the ABI: arguments, who may configure, several configurators, other roots and namespaces.
 */
#include "lib/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"

#define PAGE	4096UL
#define MB	(1UL << 20)
#define SLOT	(2 * MB)

FIXTURE(device)
{
	int fd;
	struct region region;
	struct shared_region_check check;
	struct shared_region_query query;
};

FIXTURE_SETUP(device)
{
	self->fd = shared_region_open();
	ASSERT_LE(0, self->fd);
	region_describe(&self->region, SLOT, MB, MB / 2);
}

FIXTURE_TEARDOWN(device)
{
	region_close(&self->region);
	close(self->fd);
}

/* ---- arguments ---- */

TEST_F(device, an_unknown_ioctl_is_enotty)
{
	EXPECT_EQ(-1, ioctl(self->fd, _IO(SHARED_REGION_IOC_MAGIC, 77), &self->check));
	EXPECT_EQ(ENOTTY, errno);
}

TEST_F(device, a_size_below_the_first_versions_is_einval)
{
	self->check.size = offsetof(struct shared_region_check, limit) - 1;
	EXPECT_EQ(-1, ioctl(self->fd, SHARED_REGION_CHECK, &self->check));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(device, a_larger_struct_is_accepted_if_the_rest_is_zero)
{
	struct {
		struct shared_region_query query;
		uint64_t more;
	} large = { .query.size = sizeof(large) };

	EXPECT_EQ(0, ioctl(self->fd, SHARED_REGION_QUERY, &large));
	large.query.flags = 0;
	large.more = 1;
	EXPECT_EQ(-1, ioctl(self->fd, SHARED_REGION_QUERY, &large));
	EXPECT_EQ(E2BIG, errno);
}

TEST_F(device, unknown_flags_are_einval)
{
	EXPECT_EQ(-EINVAL, shared_region_check(self->fd, 1U << 31, &self->check));
	self->region.request.flags = 1U << 31;
	EXPECT_EQ(-EINVAL, region_configure(&self->region));
}

TEST_F(device, a_bad_address_is_efault)
{
	EXPECT_EQ(-1, ioctl(self->fd, SHARED_REGION_CHECK, (void *)8));
	EXPECT_EQ(EFAULT, errno);
	self->region.request.mappings = 8;
	EXPECT_EQ(-EFAULT, region_configure(&self->region));
}

TEST_F(device, nothing_configured_is_enomem)
{
	EXPECT_EQ(-ENOMEM, shared_region_check(self->fd, 0, &self->check));
	EXPECT_EQ(-ENOMEM, shared_region_check(self->fd, SHARED_REGION_CHECK_WAIT, &self->check));
	ASSERT_EQ(0, shared_region_query(self->fd, &self->query));
	EXPECT_EQ(SHARED_REGION_STATE_NONE, self->query.state);
	EXPECT_EQ(-ENOENT, shared_region_detach(self->fd));
}

/* Every way to be wrong is refused, and leaves nothing behind. */
#define REFUSED(name, error, change)					\
	TEST_F(device, name##_is_refused)				\
	{								\
		struct shared_region_mapping *map = self->region.mappings; \
		struct shared_region_map_and_slide *request = &self->region.request; \
									\
		change;							\
		EXPECT_EQ(-(error), region_configure(&self->region));	\
		EXPECT_EQ(-ENOMEM, shared_region_check(self->fd, 0, &self->check)); \
		(void)map;						\
		(void)request;						\
	}

REFUSED(an_unaligned_region_offset, EINVAL, map[0].region_offset = 8)
REFUSED(an_unaligned_file_offset, EINVAL, map[0].file_offset = 8)
REFUSED(an_empty_mapping, EINVAL, map[0].length = 0)
REFUSED(a_mapping_beyond_the_region, EINVAL, map[2].region_offset = self->region.size)
REFUSED(a_length_that_wraps, EINVAL, map[0].length = -PAGE)
REFUSED(a_mapping_beyond_the_file, EINVAL, map[2].file_offset = 64 * MB)
REFUSED(a_reserved_field, EINVAL, map[1].reserved = 1)
REFUSED(an_unknown_mapping_flag, EINVAL, map[1].flags |= 1U << 30)
REFUSED(an_unknown_protection, EINVAL, map[1].prot |= 1U << 30)
REFUSED(a_protection_without_read, EINVAL, map[0].prot = SHARED_REGION_PROT_EXEC)
REFUSED(writable_and_executable, EINVAL, map[1].prot |= SHARED_REGION_PROT_EXEC)
REFUSED(writable_but_not_private, EINVAL, map[1].flags = 0)
REFUSED(private_but_not_writable, EINVAL, map[0].flags = SHARED_REGION_MAPPING_PRIVATE)
REFUSED(zeros_with_a_file_offset, EINVAL, map[2].flags |= SHARED_REGION_MAPPING_ZERO)
REFUSED(a_slide_outside_of_its_mapping, EINVAL, self->region.slide[0] = 16)
REFUSED(an_unaligned_slide, EINVAL, self->region.slide[0] += 4)
REFUSED(a_slide_bitmap_that_runs_out, EINVAL, self->region.slide[MB / PAGE - 1] = ~0ULL;
	self->region.slide[MB / PAGE - 2] = SLOT + MB - 8)
REFUSED(an_unreadable_slide, EFAULT, map[1].slide = 8)
REFUSED(on_request_but_not_private, EINVAL, map[0].flags = SHARED_REGION_MAPPING_ON_REQUEST)
REFUSED(on_request_over_nothing, EINVAL, map[1].flags |= SHARED_REGION_MAPPING_ON_REQUEST)
REFUSED(on_request_over_writable_pages, EINVAL, region_put_on_request(&self->region, SLOT + PAGE, PAGE, NULL))
REFUSED(on_request_half_over_nothing, EINVAL, map[1].flags |= SHARED_REGION_MAPPING_ON_REQUEST;
	map[1].region_offset = SLOT - PAGE; map[1].slide_count = 0)
REFUSED(no_mapping, EINVAL, request->mapping_count = 0)
REFUSED(too_many_mappings, E2BIG, request->mapping_count = 100000)
REFUSED(an_empty_region, EINVAL, request->region_size = 0)
REFUSED(a_region_that_is_too_large, E2BIG, request->region_size = 1ULL << 40)
REFUSED(a_wrong_hash, EBADMSG, request->flags = SHARED_REGION_VERIFY_SHA256)

static int configure_file(struct region *region, const char *path, int flags)
{
	int fd = open(path, flags);

	region->mappings[0].fd = fd;
	region->mappings[0].slide_count = 0;
	region->mappings[0].length = PAGE;
	region->request.mapping_count = 1;
	return shared_region_configure(region->device = shared_region_open(), &region->request);
}

static int make_file(const char *path, mode_t mode)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (ftruncate(fd, PAGE) || fchmod(fd, mode))
		return -1;
	return close(fd);
}

TEST_F(device, a_file_that_others_may_write_is_refused)
{
	ASSERT_EQ(0, make_file("/tmp/loose", 0666));
	EXPECT_EQ(-EACCES, configure_file(&self->region, "/tmp/loose", O_RDONLY));
}

TEST_F(device, a_file_of_somebody_else_is_refused)
{
	ASSERT_EQ(0, make_file("/tmp/others", 0644));
	ASSERT_EQ(0, chown("/tmp/others", 1234, 0));
	EXPECT_EQ(-EACCES, configure_file(&self->region, "/tmp/others", O_RDONLY));
}

TEST_F(device, what_is_no_regular_file_is_refused)
{
	EXPECT_EQ(-EACCES, configure_file(&self->region, "/dev/zero", O_RDONLY));
}

TEST_F(device, a_file_that_is_not_readable_is_refused)
{
	ASSERT_EQ(0, make_file("/tmp/writable", 0644));
	EXPECT_EQ(-EBADF, configure_file(&self->region, "/tmp/writable", O_WRONLY));
	EXPECT_EQ(-EBADF, configure_file(&self->region, "/tmp/writable", O_PATH));
}

/* ---- life ---- */

TEST_F(device, configuring_does_not_attach)
{
	ASSERT_EQ(0, region_configure(&self->region));
	ASSERT_EQ(0, shared_region_query(self->fd, &self->query));
	EXPECT_EQ(SHARED_REGION_STATE_SEALED, self->query.state);
	EXPECT_EQ(0, self->query.attached);
	EXPECT_EQ(0, self->query.flags);
	EXPECT_EQ(SIGSEGV, signal_of_read(self->region.base));
}

TEST_F(device, check_answers_and_query_counts)
{
	ASSERT_EQ(0, region_configure(&self->region));
	ASSERT_EQ(0, shared_region_check(self->fd, SHARED_REGION_CHECK_EAGER, &self->check));
	EXPECT_EQ((uint64_t)self->region.base, self->check.base);
	EXPECT_EQ(self->region.size, self->check.region_size);
	EXPECT_EQ(0, memcmp(self->check.uuid, "0123456789abcdef", 16));
	ASSERT_EQ(0, shared_region_query(self->fd, &self->query));
	EXPECT_EQ(SHARED_REGION_QUERY_ATTACHED, self->query.flags);
	EXPECT_EQ(1, self->query.attached);
	EXPECT_EQ(2, self->query.nested);
	EXPECT_EQ((SLOT + MB + MB / 2) / PAGE, self->query.pages);
	/* again: the same answer, nothing more */
	ASSERT_EQ(0, shared_region_check(self->fd, 0, &self->check));
	ASSERT_EQ(0, shared_region_query(self->fd, &self->query));
	EXPECT_EQ(1, self->query.attached);
}

TEST_F(device, a_region_without_users_is_destroyed)
{
	struct timespec pause = { .tv_nsec = 10000000 };
	int turn;

	ASSERT_EQ(0, region_configure(&self->region));
	close(self->region.device);
	self->region.device = -1;
	for (turn = 0; turn < 200; turn++) {
		ASSERT_EQ(0, shared_region_query(self->fd, &self->query));
		if (self->query.state == SHARED_REGION_STATE_NONE)
			break;
		nanosleep(&pause, NULL);
	}
	EXPECT_EQ(SHARED_REGION_STATE_NONE, self->query.state);
}

TEST_F(device, an_attached_process_keeps_the_region)
{
	ASSERT_EQ(0, region_configure(&self->region));
	ASSERT_EQ(0, shared_region_check(self->fd, 0, &self->check));
	close(self->region.device);
	self->region.device = -1;
	usleep(200000);
	EXPECT_EQ(0, region_wrong_pages(&self->region, 0, (SLOT + MB + MB / 2) / PAGE));
}

TEST_F(device, the_same_configuration_again_is_success_and_another_is_eexist)
{
	struct region same;

	ASSERT_EQ(0, region_configure(&self->region));
	same = self->region;
	same.mappings[0].fd = same.mappings[1].fd = same.mappings[2].fd =
		open("/tmp/shared_region_content", O_RDONLY);
	same.request.mappings = (uint64_t)same.mappings;
	EXPECT_EQ(0, shared_region_configure(self->fd, &same.request));
	EXPECT_EQ((uint64_t)self->region.base, same.request.base);
	same.request.uuid[0]++;
	EXPECT_EQ(-EEXIST, shared_region_configure(self->fd, &same.request));
}

TEST_F(device, something_in_the_way_is_eexist)
{
	char *in_the_way;

	ASSERT_EQ(0, region_configure(&self->region));
	in_the_way = self->region.base + SLOT + MB;
	ASSERT_EQ(in_the_way, mmap(in_the_way, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	EXPECT_EQ(-EEXIST, shared_region_check(self->fd, 0, &self->check));
	/* nothing of the region stays */
	EXPECT_EQ(SIGSEGV, signal_of_read(self->region.base));
	ASSERT_EQ(0, munmap(in_the_way, PAGE));
	EXPECT_EQ(0, shared_region_check(self->fd, 0, &self->check));
}

TEST_F(device, zeros_need_no_file_and_later_mappings_replace_earlier_ones)
{
	self->region.mappings[2].flags = SHARED_REGION_MAPPING_ZERO;
	self->region.mappings[2].file_offset = 0;
	self->region.mappings[2].region_offset = PAGE;
	self->region.mappings[2].length = 3 * PAGE;
	ASSERT_EQ(0, region_configure(&self->region));
	ASSERT_EQ(0, shared_region_check(self->fd, 0, &self->check));
	EXPECT_EQ(0, region_wrong_pages(&self->region, 0, 1));
	EXPECT_EQ(3, region_wrong_pages(&self->region, 1, 3));
	EXPECT_EQ(0, self->region.base[PAGE] | self->region.base[4 * PAGE - 1]);
	EXPECT_EQ(SIGSEGV, signal_of_call(self->region.base + PAGE));
	EXPECT_EQ(0, region_wrong_pages(&self->region, 4, 508));
}

/* ---- who ---- */

TEST_F(device, an_unprivileged_caller_may_not_configure)
{
	int status;

	/* written by root: the file is there already */
	ASSERT_EQ(0, region_configure(&self->region));
	region_close(&self->region);
	region_describe(&self->region, SLOT, MB, 0);
	self->region.mappings[0].fd = open("/tmp/shared_region_content", O_RDONLY);
	self->region.request.mapping_count = 1;
	if (!fork()) {
		if (setuid(1234))
			_exit(2);
		_exit(-shared_region_configure(self->fd, &self->region.request));
	}
	wait(&status);
	EXPECT_EQ(EPERM, WEXITSTATUS(status));
}

static int attach_unprivileged(void *data)
{
	struct region *region = data;
	struct shared_region_check check;

	return setuid(1234) || shared_region_check(region->device, 0, &check) ||
	       region_wrong_pages(region, 0, (SLOT + MB + MB / 2) / PAGE);
}

TEST_F(device, an_unprivileged_caller_may_attach)
{
	ASSERT_EQ(0, region_configure(&self->region));
	EXPECT_EQ(0, in_child(attach_unprivileged, &self->region));
}

static int check_in_chroot(void *data)
{
	struct region *region = data;
	struct shared_region_check check;

	mkdir("/tmp/root", 0755);
	return chroot("/tmp/root") || shared_region_check(region->device, 0, &check) != -ENOMEM;
}

TEST_F(device, another_root_is_another_environment)
{
	ASSERT_EQ(0, region_configure(&self->region));
	EXPECT_EQ(0, in_child(check_in_chroot, &self->region));
}

static int attached_in_chroot(void *data)
{
	struct region *region = data;
	struct shared_region_check check;

	mkdir("/tmp/root", 0755);
	return chroot("/tmp/root") || shared_region_check(region->device, 0, &check) ||
	       region_wrong_pages(region, 0, 16);
}

TEST_F(device, an_attached_process_keeps_its_region_after_chroot)
{
	ASSERT_EQ(0, region_configure(&self->region));
	ASSERT_EQ(0, shared_region_check(self->fd, 0, &self->check));
	EXPECT_EQ(0, in_child(attached_in_chroot, &self->region));
}

static int check_in_namespace(void *data)
{
	struct region *region = data;
	struct shared_region_check check;

	return unshare(CLONE_NEWUSER) || shared_region_check(region->device, 0, &check) != -ENOMEM;
}

TEST_F(device, another_user_namespace_is_another_environment)
{
	ASSERT_EQ(0, region_configure(&self->region));
	EXPECT_EQ(0, in_child(check_in_namespace, &self->region));
}

/* ---- several configurators, and their death ---- */

#define CONFIGURATORS	6

static int configure_and_wait(struct region *region)
{
	struct shared_region_check check;
	int ret = region->device = shared_region_open();

	if (ret >= 0)
		ret = shared_region_configure(region->device, &region->request);
	if (!ret)
		ret = shared_region_check(region->device, SHARED_REGION_CHECK_WAIT, &check);
	usleep(300000);
	return -ret;
}

TEST_F(device, many_configurators_at_once_get_one_region)
{
	int i, status, bad = 0;

	/* the content's file, then out of the way */
	ASSERT_EQ(0, region_configure(&self->region));
	close(self->region.device);
	usleep(100000);
	for (i = 0; i < 3; i++)
		self->region.mappings[i].fd = open("/tmp/shared_region_content", O_RDONLY);
	for (i = 0; i < CONFIGURATORS; i++)
		if (!fork())
			_exit(configure_and_wait(&self->region));
	for (i = 0; i < CONFIGURATORS; i++) {
		wait(&status);
		bad += status != 0;
	}
	EXPECT_EQ(0, bad);
	self->region.device = -1;
}

TEST_F(device, a_killed_configurator_leaves_nothing_and_wakes_the_waiters)
{
	int turn, status;

	region_describe(&self->region, 32 * MB, MB, 0);
	ASSERT_EQ(0, region_configure(&self->region));
	close(self->region.device);
	self->region.device = -1;
	usleep(100000);
	for (turn = 0; turn < 3; turn++)
		self->region.mappings[turn].fd = open("/tmp/shared_region_content", O_RDONLY);
	for (turn = 0; turn < 20; turn++) {
		pid_t configurator = fork(), waiter;

		if (!configurator)
			_exit(configure_and_wait(&self->region));
		waiter = fork();
		if (!waiter)
			_exit(-shared_region_check(self->fd, SHARED_REGION_CHECK_WAIT, &self->check));
		usleep(1000 + turn * 2500);
		kill(configurator, SIGKILL);
		ASSERT_EQ(configurator, waitpid(configurator, &status, 0));
		ASSERT_EQ(waiter, waitpid(waiter, &status, 0));
		EXPECT_TRUE(WIFEXITED(status) && (WEXITSTATUS(status) == ENOMEM || WEXITSTATUS(status) == 0));
	}
	usleep(100000);
	ASSERT_EQ(0, shared_region_query(self->fd, &self->query));
	EXPECT_EQ(SHARED_REGION_STATE_NONE, self->query.state);
}

TEST_HARNESS_MAIN
