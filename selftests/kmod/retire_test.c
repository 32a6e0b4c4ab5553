// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Regions that are kept without a descriptor, replaced by another one, and retired.
 */
#include "lib/fixture.h"
#include "lib/module.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#define PAGE	4096UL
#define MB	(1UL << 20)
#define SLOT	(2 * MB)

FIXTURE(kept)
{
	int fd;
	struct region region, other;
	struct shared_region_check check;
	struct shared_region_query query;
};

FIXTURE_SETUP(kept)
{
	self->fd = shared_region_open();
	ASSERT_LE(0, self->fd);
	region_describe(&self->region, SLOT, MB, MB / 2);
	self->region.request.flags = SHARED_REGION_KEEP;
	region_describe(&self->other, SLOT, MB, MB / 2);
	self->other.request.flags = SHARED_REGION_KEEP | SHARED_REGION_REPLACE;
	self->other.request.uuid[0] = 'x';
}

FIXTURE_TEARDOWN(kept)
{
	shared_region_retire(self->fd, NULL);
	region_close(&self->region);
	region_close(&self->other);
	close(self->fd);
}

/* Nobody has it and no descriptor keeps it: destroy_delay is 0, so give it the time to go. */
static void let_go(struct region *region)
{
	close(region->device);
	region->device = -1;
	usleep(200000);
}

/* The first byte of the UUID of what a new process gets, or the error. */
static int look(void *data)
{
	struct shared_region_check check;
	int fd = shared_region_open(), ret;

	(void)data;
	ret = shared_region_check(fd, 0, &check);
	return ret ? -ret : check.uuid[0];
}

static int a_new_process_gets(void)
{
	return in_child(look, NULL);
}

TEST_F(kept, a_kept_region_needs_no_descriptor_and_goes_with_the_module)
{
	ASSERT_EQ(0, region_configure(&self->region));
	let_go(&self->region);
	EXPECT_EQ('0', a_new_process_gets());
	ASSERT_EQ(0, shared_region_query(self->fd, &self->query));
	EXPECT_EQ(SHARED_REGION_QUERY_KEPT, self->query.flags);
	ASSERT_EQ(0, shared_region_check(self->fd, 0, &self->check));
	close(self->fd);
	EXPECT_EQ(-EAGAIN, module_unload());	/* because of this process */
	self->fd = shared_region_open();
	EXPECT_EQ(0, shared_region_detach(self->fd));
	EXPECT_EQ('0', a_new_process_gets());
	close(self->fd);
	EXPECT_EQ(0, module_unload_soon());
	EXPECT_EQ(0, module_load(getenv("MODULE")));
	write_string(PARAMETERS "destroy_delay", "0");
	self->fd = shared_region_open();
	EXPECT_EQ(ENOMEM, a_new_process_gets());
}

TEST_F(kept, one_that_is_not_kept_goes)
{
	self->region.request.flags = 0;
	ASSERT_EQ(0, region_configure(&self->region));
	let_go(&self->region);
	EXPECT_EQ(ENOMEM, a_new_process_gets());
}

/* The very same configuration once more: the file is not written anew. */
static int configure_again(int device, struct region *region)
{
	int fd = open("/tmp/shared_region_content", O_RDONLY), ret;

	for (int i = 0; i < 3; i++)
		region->mappings[i].fd = fd;
	ret = shared_region_configure(device, &region->request);
	close(fd);
	return ret;
}

TEST_F(kept, keeping_it_twice_is_once)
{
	ASSERT_EQ(0, region_configure(&self->region));
	ASSERT_EQ(0, configure_again(self->fd, &self->region));
	ASSERT_EQ(0, shared_region_query(self->fd, &self->query));
	EXPECT_EQ(self->region.base, (char *)self->query.base);
	EXPECT_EQ(0, shared_region_retire(self->fd, NULL));
	let_go(&self->region);
	EXPECT_EQ(-ENOENT, shared_region_retire(self->fd, NULL));
	EXPECT_EQ(ENOMEM, a_new_process_gets());
}

TEST_F(kept, another_configuration_replaces_it_only_if_asked_to)
{
	ASSERT_EQ(0, region_configure(&self->region));
	self->other.request.flags = SHARED_REGION_KEEP;
	EXPECT_EQ(-EEXIST, region_configure(&self->other));
	EXPECT_EQ('0', a_new_process_gets());
	close(self->other.device);
	self->other.request.flags = SHARED_REGION_KEEP | SHARED_REGION_REPLACE;
	EXPECT_EQ(0, region_configure(&self->other));
	EXPECT_EQ('x', a_new_process_gets());
}

TEST_F(kept, who_is_attached_keeps_the_region_that_was_replaced)
{
	ASSERT_EQ(0, region_configure(&self->region));
	let_go(&self->region);
	ASSERT_EQ(0, shared_region_check(self->fd, 0, &self->check));
	ASSERT_EQ(0, region_configure(&self->other));
	EXPECT_EQ('0', a_new_process_gets());	/* a child has its parent's */
	EXPECT_EQ(0, region_wrong_pages(&self->region, 0, (SLOT + MB + MB / 2) / PAGE));
	ASSERT_EQ(0, shared_region_query(self->fd, &self->query));
	EXPECT_EQ(SHARED_REGION_QUERY_ATTACHED | SHARED_REGION_QUERY_RETIRED, self->query.flags);
	EXPECT_EQ(1, self->query.attached);
	ASSERT_EQ(0, shared_region_detach(self->fd));
	EXPECT_EQ('x', a_new_process_gets());
	ASSERT_EQ(0, shared_region_check(self->fd, 0, &self->check));
	EXPECT_EQ('x', self->check.uuid[0]);
	EXPECT_EQ(0, region_wrong_pages(&self->other, 0, (SLOT + MB + MB / 2) / PAGE));
}

TEST_F(kept, a_replacement_that_fails_changes_nothing)
{
	ASSERT_EQ(0, region_configure(&self->region));
	self->other.request.flags |= SHARED_REGION_VERIFY_SHA256;
	EXPECT_EQ(-EBADMSG, region_configure(&self->other));
	EXPECT_EQ('0', a_new_process_gets());
	ASSERT_EQ(0, shared_region_query(self->fd, &self->query));
	EXPECT_EQ(SHARED_REGION_QUERY_KEPT, self->query.flags);
}

TEST_F(kept, replacing_it_by_itself_changes_nothing)
{
	ASSERT_EQ(0, region_configure(&self->region));
	ASSERT_EQ(0, shared_region_check(self->fd, 0, &self->check));
	self->region.request.flags |= SHARED_REGION_REPLACE;
	ASSERT_EQ(0, configure_again(self->fd, &self->region));
	ASSERT_EQ(0, shared_region_query(self->fd, &self->query));
	EXPECT_EQ(self->region.base, (char *)self->query.base);
	EXPECT_EQ(SHARED_REGION_QUERY_ATTACHED | SHARED_REGION_QUERY_KEPT, self->query.flags);
}

static int replace(void *data)
{
	struct region *region = data;

	return -region_configure(region);
}

TEST_F(kept, several_replace_at_once)
{
	struct region others[4];
	pid_t pids[4];
	int status, left = 0;

	ASSERT_EQ(0, region_configure(&self->region));
	for (int i = 0; i < 4; i++) {
		region_describe(&others[i], SLOT, MB, MB / 2);
		others[i].request.flags = SHARED_REGION_KEEP | SHARED_REGION_REPLACE;
		others[i].request.uuid[0] = (unsigned char)(1 + i);
		others[i].request.region_size += SLOT * (unsigned int)i;
	}
	for (int i = 0; i < 4; i++) {
		pids[i] = fork();
		if (!pids[i])
			_exit(replace(&others[i]));
	}
	for (int i = 0; i < 4; i++) {
		waitpid(pids[i], &status, 0);
		/* ETXTBSY, ESTALE: each writes the file of content anew */
		left += !WIFEXITED(status) || (WEXITSTATUS(status) && WEXITSTATUS(status) != ETXTBSY &&
					       WEXITSTATUS(status) != ESTALE && WEXITSTATUS(status) != EINVAL);
		free(others[i].slide);
	}
	EXPECT_EQ(0, left);
	EXPECT_GE('0', a_new_process_gets());	/* one of the five */
	EXPECT_LT(0, a_new_process_gets());
	EXPECT_EQ(0, shared_region_retire(self->fd, NULL));
	let_go(&self->region);
	EXPECT_EQ(ENOMEM, a_new_process_gets());
}

TEST_F(kept, retiring_names_a_uuid)
{
	unsigned char uuid[16] = "0123456789abcdef";

	EXPECT_EQ(-ENOENT, shared_region_retire(self->fd, NULL));
	ASSERT_EQ(0, region_configure(&self->region));
	uuid[15] = 0;
	EXPECT_EQ(-ESTALE, shared_region_retire(self->fd, uuid));
	EXPECT_EQ('0', a_new_process_gets());
	uuid[15] = 'f';
	EXPECT_EQ(0, shared_region_retire(self->fd, uuid));
	EXPECT_EQ(ENOMEM, a_new_process_gets());
}

static int without_privilege(void *data)
{
	struct region *region = data;
	int fd = shared_region_open();

	if (setgid(65534) || setuid(65534))
		return 1;
	if (shared_region_retire(fd, NULL) != -EPERM)
		return 2;
	return region_configure(region) == -EPERM || region->result == -EACCES ? 0 : 3;
}

static int in_a_namespace(void *data)
{
	struct region *region = data;
	int fd = shared_region_open();

	if (unshare(CLONE_NEWUSER))
		return 1;
	/* another environment: nothing there to retire, and nothing may be kept in it */
	if (shared_region_retire(fd, NULL) != -ENOENT)
		return 2;
	return shared_region_configure(fd, &region->request) == -EPERM ? 0 : 3;
}

TEST_F(kept, needs_privilege)
{
	ASSERT_EQ(0, region_configure(&self->region));
	EXPECT_EQ(0, in_child(without_privilege, &self->other));
	EXPECT_EQ(0, in_child(in_a_namespace, &self->other));
	EXPECT_EQ('0', a_new_process_gets());
}

TEST_HARNESS_MAIN
