// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Group 12: substitution and the module's own life; kernels without kprobes. Nothing here keeps the device open.
 */
#include "lib/fixture.h"
#include "lib/module.h"
#include "lib/tiny_elf.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"

#define WITHOUT_KPROBES	"/test/without_kprobes.ko"
#define KPROBES_ENABLED	"/sys/kernel/debug/kprobes/enabled"

/* SET through a descriptor of the moment. */
static int set(void)
{
	int fd = shared_region_open();
	int ret = fd < 0 ? fd : shared_region_interpreter_set(fd, GENUINE, REPLACEMENT);

	close(fd);
	return ret;
}

static int clear(void)
{
	int fd = shared_region_open();
	int ret = fd < 0 ? fd : shared_region_interpreter_clear(fd, GENUINE);

	close(fd);
	return ret;
}

FIXTURE(module)
{
	const char *path;
};

FIXTURE_SETUP(module)
{
	self->path = getenv("MODULE");
	ASSERT_NE(NULL, self->path);
	ASSERT_EQ(0, make_all());
}

FIXTURE_TEARDOWN(module)
{
	write_string(KPROBES_ENABLED, "1");
	if (module_load(self->path))
		clear();
}

/* A program that waits for a byte on its standard input. */
static pid_t start_waiting(int *to)
{
	int fds[2];
	pid_t pid;

	if (pipe(fds))
		return -1;
	pid = fork();
	if (!pid) {
		dup2(fds[0], 0);
		close(fds[1]);
		execl(PROGRAM, PROGRAM, NULL);
		_exit(127);
	}
	close(fds[0]);
	*to = fds[1];
	return pid;
}

TEST_F(module, unloading_ends_it_and_running_programs_stay)
{
	int to, status;
	pid_t pid;

	ASSERT_EQ(0, make_waiting_interpreter(REPLACEMENT, BY_REPLACEMENT));
	ASSERT_EQ(0, set());
	pid = start_waiting(&to);
	usleep(200000);
	ASSERT_EQ(0, module_unload_soon());
	EXPECT_EQ(BY_GENUINE, run_program(PROGRAM));
	ASSERT_EQ(1, write(to, "x", 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(BY_REPLACEMENT, WEXITSTATUS(status));
	ASSERT_EQ(0, module_load(self->path));
	EXPECT_EQ(BY_GENUINE, run_program(PROGRAM));
}

/* Attached: the region is code and data of the process. */
static int attach_and_wait(void *data)
{
	struct region *region = data;
	struct shared_region_check check;
	int ret = shared_region_check(region->device, 0, &check);

	region_close(region);
	pause();
	return ret;
}

TEST_F(module, unloading_is_refused_while_a_program_has_the_region)
{
	struct region region;
	pid_t pid;

	region_describe(&region, 2UL << 20, 1UL << 20, 0);
	ASSERT_EQ(0, region_configure(&region));
	pid = fork();
	if (!pid)
		_exit(attach_and_wait(&region));
	usleep(200000);
	region_close(&region);
	EXPECT_EQ(-EAGAIN, module_unload());
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	EXPECT_EQ(0, module_unload_soon());
	EXPECT_EQ(0, module_load(self->path));
}

/* A debugger can stop a program within execve(), for any time: nobody has to wait for that. */
TEST_F(module, unloading_works_while_a_debugger_holds_an_exec)
{
	int status;
	pid_t pid;

	ASSERT_EQ(0, set());
	pid = fork();
	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		execl(PROGRAM, PROGRAM, NULL);
		_exit(127);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACEEXEC));
	ASSERT_EQ(0, ptrace(PTRACE_CONT, pid, NULL, NULL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(SIGTRAP | PTRACE_EVENT_EXEC << 8, status >> 8);
	EXPECT_EQ(0, module_unload_soon());
	ASSERT_EQ(0, ptrace(PTRACE_CONT, pid, NULL, NULL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(BY_REPLACEMENT, WEXITSTATUS(status));
	EXPECT_EQ(0, module_load(self->path));
}

/* Programs start all the time; 1: one of them was not right. */
static int start_programs(int seconds, int report)
{
	time_t end = time(NULL) + seconds;
	int counts[2] = { 0, 0 };

	while (time(NULL) < end) {
		int code = run_program(PROGRAM);

		if (code != BY_GENUINE && code != BY_REPLACEMENT)
			return code;
		counts[code == BY_REPLACEMENT]++;
	}
	if (write(report, counts, sizeof(counts)) != sizeof(counts))
		return 1;
	return 0;
}

TEST_F(module, loading_and_unloading_while_programs_start_loses_none)
{
	int status, bad = 0, unloads = 0, counts[2], fds[2];
	pid_t pid;

	ASSERT_EQ(0, pipe(fds));
	pid = fork();
	if (!pid)
		_exit(start_programs(10, fds[1]));
	while (waitpid(pid, &status, WNOHANG) == 0) {
		bad += set() != 0;
		usleep(100000);
		if (unloads % 2)
			bad += clear() != 0;
		bad += module_unload_soon() != 0;
		usleep(1000);
		bad += module_load(self->path) != 0;
		unloads++;
	}
	EXPECT_EQ(0, bad);
	EXPECT_EQ(0, status);
	ASSERT_EQ(sizeof(counts), read(fds[0], counts, sizeof(counts)));
	TH_LOG("%d unloads; programs: %d genuine, %d substituted", unloads, counts[0], counts[1]);
	EXPECT_LT(0, counts[0]);
	EXPECT_LT(0, counts[1]);
	EXPECT_LT(2, unloads);
}

TEST_F(module, kprobes_that_are_switched_off_are_eopnotsupp)
{
	if (write_string(KPROBES_ENABLED, "0"))
		SKIP(return, "no %s", KPROBES_ENABLED);
	EXPECT_EQ(-EOPNOTSUPP, set());
	EXPECT_EQ(BY_GENUINE, run_program(PROGRAM));
	ASSERT_EQ(0, write_string(KPROBES_ENABLED, "1"));
	ASSERT_EQ(0, set());
	EXPECT_EQ(BY_REPLACEMENT, run_program(PROGRAM));
	/* and later: the genuine one, until they are on again */
	ASSERT_EQ(0, write_string(KPROBES_ENABLED, "0"));
	EXPECT_EQ(BY_GENUINE, run_program(PROGRAM));
	ASSERT_EQ(0, write_string(KPROBES_ENABLED, "1"));
	EXPECT_EQ(BY_REPLACEMENT, run_program(PROGRAM));
	EXPECT_EQ(0, clear());
}

TEST_F(module, a_build_for_a_kernel_without_kprobes_says_so)
{
	struct shared_region_interpreter state;
	struct region region;
	int fd;

	ASSERT_EQ(0, module_unload_soon());
	ASSERT_EQ(0, module_load(WITHOUT_KPROBES));
	EXPECT_EQ(-EOPNOTSUPP, set());
	EXPECT_EQ(-EOPNOTSUPP, clear());
	fd = shared_region_open();
	EXPECT_EQ(-EOPNOTSUPP, shared_region_interpreter_query(fd, GENUINE, &state));
	close(fd);
	EXPECT_EQ(BY_GENUINE, run_program(PROGRAM));
	/* all else works */
	region_describe(&region, 2UL << 20, 1UL << 20, 0);
	EXPECT_EQ(0, region_configure(&region));
	region_close(&region);
	ASSERT_EQ(0, module_unload_soon());
	ASSERT_EQ(0, module_load(self->path));
	EXPECT_EQ(0, set());
	EXPECT_EQ(0, clear());
}

TEST_HARNESS_MAIN
