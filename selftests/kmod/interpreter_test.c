// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Group 12: interpreter substitution: on, off, for whom. The exit code of a program says who interpreted it
 * (lib/tiny_elf.h). When it ends by itself: interpreter_stale_test.c; modules and kprobes: interpreter_module_test.c.
 */
#include "lib/fixture.h"
#include "lib/tiny_elf.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

FIXTURE(interpreter)
{
	int fd;
	struct shared_region_interpreter state;
};

FIXTURE_SETUP(interpreter)
{
	self->fd = shared_region_open();
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, make_all());
	ASSERT_EQ(BY_GENUINE, run_program(PROGRAM));
}

FIXTURE_TEARDOWN(interpreter)
{
	shared_region_interpreter_clear(self->fd, GENUINE);
	close(self->fd);
}

TEST_F(interpreter, set_substitutes_and_clear_ends_it)
{
	ASSERT_EQ(0, shared_region_interpreter_set(self->fd, GENUINE, REPLACEMENT));
	EXPECT_EQ(BY_REPLACEMENT, run_program(PROGRAM));
	ASSERT_EQ(0, shared_region_interpreter_query(self->fd, GENUINE, &self->state));
	EXPECT_EQ(SHARED_REGION_INTERPRETER_ACTIVE, self->state.state);
	EXPECT_EQ(1, self->state.substituted);
	EXPECT_EQ(-EEXIST, shared_region_interpreter_set(self->fd, GENUINE, REPLACEMENT));
	ASSERT_EQ(0, shared_region_interpreter_clear(self->fd, GENUINE));
	EXPECT_EQ(BY_GENUINE, run_program(PROGRAM));
	EXPECT_EQ(-ENOENT, shared_region_interpreter_clear(self->fd, GENUINE));
	EXPECT_EQ(-ENOENT, shared_region_interpreter_query(self->fd, GENUINE, &self->state));
}

TEST_F(interpreter, query_tells_the_replacement)
{
	char path[SHARED_REGION_INTERPRETER_PATH_SIZE];
	struct shared_region_interpreter query = {
		.size = sizeof(query),
		.genuine = (unsigned long)GENUINE,
		.replacement = (unsigned long)path,
	};

	ASSERT_EQ(0, shared_region_interpreter_set(self->fd, GENUINE, REPLACEMENT));
	memset(path, 'x', sizeof(path));
	ASSERT_EQ(0, ioctl(self->fd, SHARED_REGION_INTERPRETER_QUERY, &query));
	EXPECT_STREQ(REPLACEMENT, path);
	query.replacement = 1;
	EXPECT_EQ(-1, ioctl(self->fd, SHARED_REGION_INTERPRETER_QUERY, &query));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, ioctl(self->fd, SHARED_REGION_INTERPRETER_CLEAR, &query));
	EXPECT_EQ(EINVAL, errno);
	ASSERT_EQ(0, shared_region_interpreter_clear(self->fd, GENUINE));
	query.replacement = (unsigned long)path;
	memset(path, 'x', sizeof(path));
	EXPECT_EQ(-1, ioctl(self->fd, SHARED_REGION_INTERPRETER_QUERY, &query));
	EXPECT_EQ('x', path[0]);
}

TEST_F(interpreter, it_outlives_the_file_descriptor)
{
	ASSERT_EQ(0, shared_region_interpreter_set(self->fd, GENUINE, REPLACEMENT));
	close(self->fd);
	EXPECT_EQ(BY_REPLACEMENT, run_program(PROGRAM));
	self->fd = shared_region_open();
}

TEST_F(interpreter, until_close_it_ends_with_the_file_descriptor)
{
	int fd = shared_region_open();

	ASSERT_EQ(0, shared_region_interpreter_set_until_close(fd, GENUINE, REPLACEMENT));
	ASSERT_EQ(0, shared_region_interpreter_query(self->fd, GENUINE, &self->state));
	EXPECT_EQ(SHARED_REGION_INTERPRETER_UNTIL_CLOSE, self->state.flags);
	EXPECT_EQ(BY_REPLACEMENT, run_program(PROGRAM));
	close(fd);
	EXPECT_EQ(-ENOENT, shared_region_interpreter_query(self->fd, GENUINE, &self->state));
	EXPECT_EQ(BY_GENUINE, run_program(PROGRAM));
}

TEST_F(interpreter, until_close_a_duplicate_keeps_it)
{
	int fd = shared_region_open(), other = dup(fd);

	ASSERT_EQ(0, shared_region_interpreter_set_until_close(fd, GENUINE, REPLACEMENT));
	close(fd);
	EXPECT_EQ(BY_REPLACEMENT, run_program(PROGRAM));
	close(other);
	EXPECT_EQ(BY_GENUINE, run_program(PROGRAM));
}

TEST_F(interpreter, until_close_clear_ends_it_earlier)
{
	int fd = shared_region_open();

	ASSERT_EQ(0, shared_region_interpreter_set_until_close(fd, GENUINE, REPLACEMENT));
	EXPECT_EQ(0, shared_region_interpreter_clear(self->fd, GENUINE));
	EXPECT_EQ(BY_GENUINE, run_program(PROGRAM));
	/* the one of somebody else does not end with ours */
	ASSERT_EQ(0, shared_region_interpreter_set(self->fd, GENUINE, REPLACEMENT));
	close(fd);
	EXPECT_EQ(BY_REPLACEMENT, run_program(PROGRAM));
}

/* A process that owns a pair, and tells through a pipe when it is set. */
static pid_t start_owner(int signal_itself)
{
	int fds[2];
	char byte;
	pid_t pid;

	if (pipe(fds))
		return -1;
	pid = fork();
	if (!pid) {
		int fd = shared_region_open();

		if (shared_region_interpreter_set_until_close(fd, GENUINE, REPLACEMENT) ||
		    write(fds[1], "x", 1) != 1)
			_exit(1);
		if (signal_itself)
			_exit(0);
		pause();
	}
	close(fds[1]);
	if (read(fds[0], &byte, 1) != 1)
		pid = -1;
	close(fds[0]);
	return pid;
}

TEST_F(interpreter, until_close_it_ends_when_the_owner_is_killed)
{
	pid_t owner = start_owner(0);

	ASSERT_LT(0, owner);
	EXPECT_EQ(BY_REPLACEMENT, run_program(PROGRAM));
	kill(owner, SIGKILL);
	waitpid(owner, NULL, 0);
	EXPECT_EQ(BY_GENUINE, run_program(PROGRAM));
	EXPECT_EQ(-ENOENT, shared_region_interpreter_query(self->fd, GENUINE, &self->state));
}

TEST_F(interpreter, until_close_it_ends_when_the_owner_exits)
{
	pid_t owner = start_owner(1);

	ASSERT_LT(0, owner);
	waitpid(owner, NULL, 0);
	EXPECT_EQ(BY_GENUINE, run_program(PROGRAM));
	EXPECT_EQ(-ENOENT, shared_region_interpreter_query(self->fd, GENUINE, &self->state));
}

TEST_F(interpreter, the_32_bit_interpreter_is_another_pair)
{
	ASSERT_EQ(0, make_interpreter32("/tmp/ld-32.so", 33));
	ASSERT_EQ(0, make_interpreter32("/tmp/ld-32-replacement.so", 34));
	ASSERT_EQ(0, make_program32("/tmp/program32", "/tmp/ld-32.so"));
	if (run_program("/tmp/program32") != 33)
		SKIP(return, "this kernel runs no 32-bit programs");
	ASSERT_EQ(0, shared_region_interpreter_set(self->fd, GENUINE, REPLACEMENT));
	EXPECT_EQ(33, run_program("/tmp/program32"));
	ASSERT_EQ(0, shared_region_interpreter_set(self->fd, "/tmp/ld-32.so", "/tmp/ld-32-replacement.so"));
	EXPECT_EQ(34, run_program("/tmp/program32"));
	EXPECT_EQ(BY_REPLACEMENT, run_program(PROGRAM));
	ASSERT_EQ(0, shared_region_interpreter_clear(self->fd, GENUINE));
	EXPECT_EQ(34, run_program("/tmp/program32"));
	EXPECT_EQ(BY_GENUINE, run_program(PROGRAM));
	ASSERT_EQ(0, shared_region_interpreter_clear(self->fd, "/tmp/ld-32.so"));
	EXPECT_EQ(33, run_program("/tmp/program32"));
}

TEST_F(interpreter, other_interpreters_are_untouched)
{
	ASSERT_EQ(0, make_interpreter("/tmp/ld-other.so", 33));
	ASSERT_EQ(0, make_program("/tmp/other", "/tmp/ld-other.so"));
	ASSERT_EQ(0, shared_region_interpreter_set(self->fd, GENUINE, REPLACEMENT));
	EXPECT_EQ(33, run_program("/tmp/other"));
	EXPECT_EQ(BY_REPLACEMENT, run_program(PROGRAM));
}

static int run_in_chroot(void *data)
{
	(void)data;
	if (chroot("/tmp/jail") || chdir("/"))
		return 1;
	return run_program(PROGRAM);
}

TEST_F(interpreter, another_root_is_untouched)
{
	mkdir("/tmp/jail", 0755);
	mkdir("/tmp/jail/tmp", 0755);
	ASSERT_EQ(0, make_interpreter("/tmp/jail" GENUINE, BY_GENUINE));
	ASSERT_EQ(0, make_program("/tmp/jail" PROGRAM, GENUINE));
	ASSERT_EQ(0, shared_region_interpreter_set(self->fd, GENUINE, REPLACEMENT));
	EXPECT_EQ(BY_GENUINE, in_child(run_in_chroot, NULL));
	EXPECT_EQ(BY_REPLACEMENT, run_program(PROGRAM));
}

TEST_F(interpreter, setuid_programs_and_scripts_are_substituted_too)
{
	int fd;

	ASSERT_EQ(0, shared_region_interpreter_set(self->fd, GENUINE, REPLACEMENT));
	fd = open("/tmp/script", O_WRONLY | O_CREAT | O_TRUNC, 0755);
	ASSERT_EQ(15, write(fd, "#!/tmp/program\n", 15));
	close(fd);
	EXPECT_EQ(BY_REPLACEMENT, run_program("/tmp/script"));
	ASSERT_EQ(0, chown(PROGRAM, 1234, 1234));
	ASSERT_EQ(0, chmod(PROGRAM, 06755));
	EXPECT_EQ(BY_REPLACEMENT, run_program(PROGRAM));
}

TEST_F(interpreter, a_substituted_program_has_a_placeholder_over_the_region)
{
	struct shared_region_check check;
	struct region region;
	char *placeholder;

	region_describe(&region, 2UL << 20, 1UL << 20, 0);
	ASSERT_EQ(0, region_configure(&region));
	ASSERT_EQ(0, make_probe(GENUINE, (uint64_t)region.base + region.size - 4096));
	ASSERT_EQ(0, make_probe(REPLACEMENT, (uint64_t)region.base + region.size - 4096));
	EXPECT_EQ(0, run_program(PROGRAM));
	ASSERT_EQ(0, shared_region_interpreter_set(self->fd, GENUINE, REPLACEMENT));
	EXPECT_EQ(EEXIST, run_program(PROGRAM));
	/* which takes nothing from those whose address space is limited */
	ASSERT_EQ(0, setrlimit(RLIMIT_AS, &(struct rlimit){ 1UL << 40, RLIM_INFINITY }));
	EXPECT_EQ(0, run_program(PROGRAM));
	ASSERT_EQ(0, setrlimit(RLIMIT_AS, &(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY }));
	/* and CHECK replaces such a one */
	placeholder = mmap(region.base, region.size, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
	ASSERT_EQ(region.base, placeholder);
	EXPECT_EQ(0, shared_region_check(region.device, 0, &check));
	EXPECT_EQ(0, region_wrong_pages(&region, 0, 512));
	region_close(&region);
}

/* Exec, placeholder, CHECK over it, code of the region: what a replacement is for. */
TEST_F(interpreter, a_substituted_program_attaches_over_its_placeholder)
{
	struct region region;

	region_describe(&region, 2UL << 20, 1UL << 20, 0);
	ASSERT_EQ(0, region_configure(&region));
	ASSERT_EQ(100, dup2(region.device, 100));
	ASSERT_EQ(0, make_attaching_interpreter(REPLACEMENT, 100, 13));
	EXPECT_EQ(BY_GENUINE, run_program(PROGRAM));
	ASSERT_EQ(0, shared_region_interpreter_set(self->fd, GENUINE, REPLACEMENT));
	EXPECT_EQ(13, run_program(PROGRAM));
	close(100);
	region_close(&region);
}

TEST_F(interpreter, bad_arguments_are_refused)
{
	struct shared_region_interpreter argument = { .size = sizeof(argument) };
	char long_path[400] = "/";

	memset(long_path + 1, 'x', sizeof(long_path) - 2);
	EXPECT_EQ(-ENOENT, shared_region_interpreter_set(self->fd, "/tmp/none", REPLACEMENT));
	EXPECT_EQ(-ENOENT, shared_region_interpreter_set(self->fd, GENUINE, "/tmp/none"));
	EXPECT_EQ(-EINVAL, shared_region_interpreter_set(self->fd, "tmp/relative", REPLACEMENT));
	EXPECT_EQ(-ENAMETOOLONG, shared_region_interpreter_set(self->fd, long_path, REPLACEMENT));
	EXPECT_EQ(-EFAULT, shared_region_interpreter_set(self->fd, (char *)8, REPLACEMENT));
	EXPECT_EQ(-EACCES, shared_region_interpreter_set(self->fd, GENUINE, "/dev/null"));
	ASSERT_EQ(0, chmod(REPLACEMENT, 0777));
	EXPECT_EQ(-EACCES, shared_region_interpreter_set(self->fd, GENUINE, REPLACEMENT));
	EXPECT_EQ(BY_GENUINE, run_program(PROGRAM));
}

static int set_unprivileged(void *data)
{
	return setuid(1234) || shared_region_interpreter_set(*(int *)data, GENUINE, REPLACEMENT) != -EPERM;
}

TEST_F(interpreter, an_unprivileged_caller_is_refused)
{
	EXPECT_EQ(0, in_child(set_unprivileged, &self->fd));
}

TEST_F(interpreter, switching_while_programs_start_loses_none)
{
	int turn, status, bad = 0;
	pid_t pid = fork();

	if (!pid) {
		for (turn = 0; turn < 200; turn++) {
			int code = run_program(PROGRAM);

			if (code != BY_GENUINE && code != BY_REPLACEMENT)
				_exit(1);
		}
		_exit(0);
	}
	while (waitpid(pid, &status, WNOHANG) == 0) {
		bad += shared_region_interpreter_set(self->fd, GENUINE, REPLACEMENT) != 0;
		usleep(1000);
		bad += shared_region_interpreter_clear(self->fd, GENUINE) != 0;
	}
	EXPECT_EQ(0, bad);
	EXPECT_EQ(0, status);
}

TEST_HARNESS_MAIN
