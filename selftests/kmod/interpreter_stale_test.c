// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Group 12: substitution ends by itself, at the next exec and for good, when one of the two files is not what it was
 * or not where it was. The program starts with the genuine interpreter then, whatever is its file now.
 */
#include "lib/fixture.h"
#include "lib/module.h"
#include "lib/tiny_elf.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kselftest_harness.h"

#define LOG_LINE	"is not the registered file any more: no substitution"

/* /tmp/w/a/b/ld.so is the genuine one, /tmp/w/c/d/ld.so the replacement; /tmp/w/link leads to a/b. */
#define TREE		"/tmp/w"
#define IN_TREE		TREE "/a/b/ld.so"
#define SUBSTITUTE	TREE "/c/d/ld.so"
#define TREE_PROGRAM	TREE "/program"
#define LINK_PROGRAM	TREE "/by_link"

FIXTURE(stale)
{
	int fd;
	int log;
	struct shared_region_interpreter state;
};

static void make_directories(void)
{
	mkdir(TREE, 0755);
	mkdir(TREE "/a", 0755);
	mkdir(TREE "/a/b", 0755);
	mkdir(TREE "/c", 0755);
	mkdir(TREE "/c/d", 0755);
	unlink(TREE "/link");
	symlink("a/b", TREE "/link");
}

FIXTURE_SETUP(stale)
{
	self->fd = shared_region_open();
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, mkdir(TREE, 0755) && errno != EEXIST);
	/* each test has a file system of its own here, so that nothing of the last one is left */
	ASSERT_EQ(0, mount("none", TREE, "tmpfs", 0, "mode=755"));
	make_directories();
	ASSERT_EQ(0, make_interpreter(IN_TREE, BY_GENUINE));
	ASSERT_EQ(0, make_interpreter(SUBSTITUTE, BY_REPLACEMENT));
	ASSERT_EQ(0, make_program(TREE_PROGRAM, IN_TREE));
	ASSERT_EQ(0, make_program(LINK_PROGRAM, TREE "/link/ld.so"));
	ASSERT_EQ(0, shared_region_interpreter_set(self->fd, IN_TREE, SUBSTITUTE));
	ASSERT_EQ(BY_REPLACEMENT, run_program(TREE_PROGRAM));
	self->log = log_begin();
}

FIXTURE_TEARDOWN(stale)
{
	shared_region_interpreter_clear(self->fd, IN_TREE);
	shared_region_interpreter_clear(self->fd, TREE "/link/ld.so");
	close(self->fd);
	close(self->log);
	umount2(TREE, MNT_DETACH);
}

/* The next exec has this interpreter; the log and QUERY tell; nothing brings substitution back but SET. */
#define EXPECT_ENDED(exit_code)							\
	do {									\
		EXPECT_EQ(exit_code, run_program(TREE_PROGRAM));		\
		EXPECT_TRUE(log_has(self->log, LOG_LINE));			\
		ASSERT_EQ(0, shared_region_interpreter_query(self->fd, IN_TREE, &self->state));	\
		EXPECT_EQ(SHARED_REGION_INTERPRETER_STALE, self->state.state);	\
		EXPECT_EQ(1, self->state.substituted);				\
	} while (0)

/* ---- the genuine one ---- */

TEST_F(stale, the_genuine_one_is_replaced_by_rename)
{
	ASSERT_EQ(0, make_interpreter(TREE "/new", 44));
	ASSERT_EQ(0, rename(TREE "/new", IN_TREE));
	EXPECT_ENDED(44);
}

TEST_F(stale, the_genuine_one_is_rewritten_in_place)
{
	ASSERT_EQ(0, rewrite_interpreter(IN_TREE, 55));
	EXPECT_ENDED(55);
}

/* Without a pause: the write has the time of the same tick, unless SET waits for the next one. */
TEST_F(stale, the_genuine_one_is_rewritten_as_soon_as_it_is_set)
{
	int turn;

	for (turn = 0; turn < 20; turn++) {
		ASSERT_EQ(0, shared_region_interpreter_clear(self->fd, IN_TREE));
		ASSERT_EQ(0, make_interpreter(IN_TREE, BY_GENUINE));
		ASSERT_EQ(0, shared_region_interpreter_set(self->fd, IN_TREE, SUBSTITUTE));
		ASSERT_EQ(0, rewrite_interpreter(IN_TREE, 55));
		ASSERT_EQ(55, run_program(TREE_PROGRAM));
	}
}

TEST_F(stale, the_genuine_one_is_deleted)
{
	ASSERT_EQ(0, unlink(IN_TREE));
	EXPECT_ENDED(127);
}

TEST_F(stale, query_sees_it_without_an_exec)
{
	ASSERT_EQ(0, rewrite_interpreter(IN_TREE, 55));
	ASSERT_EQ(0, shared_region_interpreter_query(self->fd, IN_TREE, &self->state));
	EXPECT_EQ(SHARED_REGION_INTERPRETER_STALE, self->state.state);
	EXPECT_TRUE(log_has(self->log, LOG_LINE));
}

TEST_F(stale, a_directory_above_the_genuine_one_is_renamed)
{
	ASSERT_EQ(0, rename(TREE "/a", TREE "/away"));
	make_directories();
	ASSERT_EQ(0, make_interpreter(IN_TREE, 66));
	EXPECT_ENDED(66);
	/* and it stays ended when the directory comes back */
	ASSERT_EQ(0, rename(TREE "/a", TREE "/other"));
	ASSERT_EQ(0, rename(TREE "/away", TREE "/a"));
	EXPECT_EQ(BY_GENUINE, run_program(TREE_PROGRAM));
}

TEST_F(stale, a_directory_above_the_genuine_one_is_gone)
{
	ASSERT_EQ(0, rename(TREE "/a", TREE "/away"));
	EXPECT_ENDED(127);
}

TEST_F(stale, something_is_mounted_over_the_genuine_one)
{
	ASSERT_EQ(0, make_interpreter(TREE "/other", 77));
	ASSERT_EQ(0, mount(TREE "/other", IN_TREE, NULL, MS_BIND, NULL));
	EXPECT_ENDED(77);
}

TEST_F(stale, something_is_mounted_over_a_directory_above_the_genuine_one)
{
	ASSERT_EQ(0, mount("none", TREE "/a", "tmpfs", 0, "mode=755"));
	make_directories();
	ASSERT_EQ(0, make_interpreter(IN_TREE, 88));
	EXPECT_ENDED(88);
}

TEST_F(stale, something_is_mounted_over_the_mount_that_holds_both)
{
	ASSERT_EQ(0, mount("none", TREE, "tmpfs", 0, "mode=755"));
	make_directories();
	ASSERT_EQ(0, make_interpreter(IN_TREE, 99));
	ASSERT_EQ(0, make_program(TREE_PROGRAM, IN_TREE));
	EXPECT_ENDED(99);
	umount2(TREE, MNT_DETACH);
}

TEST_F(stale, a_symbolic_link_above_the_genuine_one_changes)
{
	ASSERT_EQ(0, shared_region_interpreter_set(self->fd, TREE "/link/ld.so", SUBSTITUTE));
	EXPECT_EQ(BY_REPLACEMENT, run_program(LINK_PROGRAM));
	mkdir(TREE "/e", 0755);
	ASSERT_EQ(0, make_interpreter(TREE "/e/ld.so", 12));
	ASSERT_EQ(0, unlink(TREE "/link"));
	ASSERT_EQ(0, symlink("e", TREE "/link"));
	EXPECT_EQ(12, run_program(LINK_PROGRAM));
	EXPECT_TRUE(log_has(self->log, LOG_LINE));
	/* the other pair does not go by the link */
	EXPECT_EQ(BY_REPLACEMENT, run_program(TREE_PROGRAM));
}

static int mount_over_in_private(void *data)
{
	(void)data;
	return unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	       make_interpreter(TREE "/other", 77) || mount(TREE "/other", IN_TREE, NULL, MS_BIND, NULL) ||
	       run_program(TREE_PROGRAM) != 77;
}

TEST_F(stale, a_mount_in_a_private_namespace_is_of_no_concern)
{
	EXPECT_EQ(0, in_child(mount_over_in_private, NULL));
	EXPECT_EQ(BY_REPLACEMENT, run_program(TREE_PROGRAM));
	EXPECT_FALSE(log_has(self->log, LOG_LINE));
}

TEST_F(stale, set_after_clear_decides_anew)
{
	ASSERT_EQ(0, make_interpreter(IN_TREE, 44));
	EXPECT_ENDED(44);
	EXPECT_EQ(-EEXIST, shared_region_interpreter_set(self->fd, IN_TREE, SUBSTITUTE));
	ASSERT_EQ(0, shared_region_interpreter_clear(self->fd, IN_TREE));
	ASSERT_EQ(0, shared_region_interpreter_set(self->fd, IN_TREE, SUBSTITUTE));
	EXPECT_EQ(BY_REPLACEMENT, run_program(TREE_PROGRAM));
}

/* ---- the replacement ---- */

TEST_F(stale, the_replacement_is_deleted)
{
	ASSERT_EQ(0, unlink(SUBSTITUTE));
	EXPECT_ENDED(BY_GENUINE);
}

TEST_F(stale, the_replacement_is_replaced)
{
	ASSERT_EQ(0, make_interpreter(TREE "/new", 44));
	ASSERT_EQ(0, rename(TREE "/new", SUBSTITUTE));
	EXPECT_ENDED(BY_GENUINE);
}

TEST_F(stale, the_replacement_is_rewritten)
{
	ASSERT_EQ(0, rewrite_interpreter(SUBSTITUTE, 55));
	EXPECT_ENDED(BY_GENUINE);
}

TEST_F(stale, a_directory_above_the_replacement_is_renamed)
{
	ASSERT_EQ(0, rename(TREE "/c", TREE "/away"));
	EXPECT_ENDED(BY_GENUINE);
}

TEST_F(stale, something_is_mounted_over_the_replacement)
{
	ASSERT_EQ(0, make_interpreter(TREE "/other", 77));
	ASSERT_EQ(0, mount(TREE "/other", SUBSTITUTE, NULL, MS_BIND, NULL));
	EXPECT_ENDED(BY_GENUINE);
}

static int run_unprivileged(void *data)
{
	(void)data;
	return setuid(1234) ? 126 : run_program(TREE_PROGRAM);
}

TEST_F(stale, who_may_not_execute_the_replacement_gets_the_genuine_one)
{
	EXPECT_EQ(BY_REPLACEMENT, in_child(run_unprivileged, NULL));
	ASSERT_EQ(0, chmod(TREE "/c", 0700));
	EXPECT_EQ(BY_GENUINE, in_child(run_unprivileged, NULL));
	EXPECT_EQ(BY_REPLACEMENT, run_program(TREE_PROGRAM));
	EXPECT_FALSE(log_has(self->log, LOG_LINE));
}

TEST_F(stale, a_replacement_that_is_no_program_does_not_stay)
{
	int fd = open(SUBSTITUTE, O_WRONLY | O_TRUNC);

	close(fd);
	EXPECT_ENDED(BY_GENUINE);
}

TEST_HARNESS_MAIN
