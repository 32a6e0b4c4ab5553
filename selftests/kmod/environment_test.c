// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Group 13: who calls: 32-bit callers, other roots, user namespaces, teams, users without privilege.
 */
#include "lib/fixture.h"
#include "lib/tiny_elf.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "kselftest_harness.h"

#define PAGE	4096UL
#define NOBODY	1234

/* ---- a small region, told by the first byte of its UUID ---- */

static int make_file(const char *path, uid_t owner)
{
	char page[PAGE];
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);

	memset(page, owner & 0xff, sizeof(page));
	if (fd < 0 || write(fd, page, PAGE) != (ssize_t)PAGE || fchown(fd, owner, owner))
		return -1;
	return close(fd);
}

static int configure(int device, const char *path, unsigned char uuid)
{
	struct shared_region_mapping map = { .prot = SHARED_REGION_PROT_READ, .length = PAGE };
	struct shared_region_map_and_slide request = {
		.mappings = (uint64_t)&map,
		.mapping_count = 1,
		.region_size = PAGE,
		.uuid = { uuid },
	};
	int ret;

	map.fd = open(path, O_RDONLY);
	ret = map.fd < 0 ? -errno : shared_region_configure(device, &request);
	close(map.fd);
	return ret;
}

/* The first byte of the UUID of what the caller has; 0: nothing; -errno. */
static int seen(int device)
{
	struct shared_region_query query;
	int ret = shared_region_query(device, &query);

	return ret ?: query.uuid[0];
}

static int attached_to(int device)
{
	struct shared_region_check check;
	int ret = shared_region_check(device, 0, &check);

	return ret ?: check.uuid[0];
}

FIXTURE(caller)
{
	int fd;
};

FIXTURE_SETUP(caller)
{
	self->fd = shared_region_open();
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, make_file("/tmp/of_root", 0));
	ASSERT_EQ(0, make_file("/tmp/of_nobody", NOBODY));
}

FIXTURE_TEARDOWN(caller)
{
	close(self->fd);
}

/* ---- 32-bit ---- */

static const unsigned long commands[] = {
	SHARED_REGION_CHECK, SHARED_REGION_MAP_AND_SLIDE, SHARED_REGION_QUERY, SHARED_REGION_DETACH,
	SHARED_REGION_INTERPRETER_SET, SHARED_REGION_INTERPRETER_CLEAR, SHARED_REGION_INTERPRETER_QUERY,
	SHARED_REGION_RETIRE,
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* ioctl() by int $0x80: the i386 system call, from 64-bit code. */
static int ioctl_i386(int fd, unsigned long command, void *argument)
{
	int ret;

	asm volatile("int $0x80" : "=a"(ret)
		     : "a"(54), "b"(fd), "c"(command), "d"(argument) : "memory", "r8", "r9", "r10", "r11");
	return ret;
}

TEST_F(caller, i386_system_calls_are_eopnotsupp)
{
	void *argument = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	size_t i;

	ASSERT_NE(MAP_FAILED, argument);
	ASSERT_EQ(0, configure(self->fd, "/tmp/of_root", 'r'));
	for (i = 0; i < COMMANDS; i++) {
		memset(argument, 0, PAGE);
		*(uint32_t *)argument = 64;
		if (ioctl_i386(self->fd, commands[i], argument) == -ENOSYS)
			SKIP(return, "this kernel has no i386 system calls");
		EXPECT_EQ(-EOPNOTSUPP, ioctl_i386(self->fd, commands[i], argument));
	}
	EXPECT_EQ(-ENOTTY, ioctl_i386(self->fd, _IO(SHARED_REGION_IOC_MAGIC, 77), argument));
	/* the same process by 64-bit calls */
	EXPECT_EQ('r', attached_to(self->fd));
}

TEST_F(caller, x32_system_calls_are_eopnotsupp)
{
	struct shared_region_query query = { .size = sizeof(query) };
	size_t i;

	for (i = 0; i < COMMANDS; i++) {
		long ret = syscall(0x40000000 + 514, self->fd, commands[i], &query);

		if (ret == -1 && errno == ENOSYS)
			SKIP(return, "this kernel has no x32 system calls (syscall.x32=y)");
		EXPECT_EQ(-1, ret);
		EXPECT_EQ(EOPNOTSUPP, errno);
	}
}

TEST_F(caller, a_32_bit_program_is_told_so)
{
	int status;
	pid_t pid;

	/* exits with the error of CHECK on descriptor 100 */
	ASSERT_EQ(0, make_ioctl_program32("/tmp/ioctl32", 100, SHARED_REGION_CHECK));
	pid = fork();
	if (!pid) {
		dup2(self->fd, 100);
		execl("/tmp/ioctl32", "ioctl32", NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	if (WEXITSTATUS(status) == 127)
		SKIP(return, "this kernel runs no 32-bit programs");
	EXPECT_EQ(EOPNOTSUPP, WEXITSTATUS(status));
}

/* ---- users without privilege ---- */

static int call_everything(void *data)
{
	struct shared_region_interpreter state;
	int fd = *(int *)data;

	if (setgid(NOBODY) || setuid(NOBODY))
		return 1;
	if (configure(fd, "/tmp/of_nobody", 'n') != -EPERM)
		return 2;
	if (shared_region_interpreter_set(fd, GENUINE, REPLACEMENT) != -EPERM ||
	    shared_region_interpreter_set_until_close(fd, GENUINE, REPLACEMENT) != -EPERM)
		return 3;
	if (shared_region_interpreter_clear(fd, GENUINE) != -EPERM)
		return 4;
	if (shared_region_interpreter_query(fd, GENUINE, &state) != -EPERM)
		return 5;
	if (seen(fd) != 'r' || attached_to(fd) != 'r' || shared_region_detach(fd))
		return 6;
	if (shared_region_detach(fd) != -ENOENT)
		return 7;
	return 0;
}

TEST_F(caller, without_privilege_attaching_is_all)
{
	ASSERT_EQ(0, make_all());
	ASSERT_EQ(0, configure(self->fd, "/tmp/of_root", 'r'));
	EXPECT_EQ(0, in_child(call_everything, &self->fd));
}

TEST_F(caller, the_device_is_open_to_all)
{
	struct stat st;

	ASSERT_EQ(0, stat(SHARED_REGION_DEVICE, &st));
	EXPECT_EQ(0666, st.st_mode & 0777);
}

/* ---- another root ---- */

static int configure_in_chroot(void *data)
{
	int fd = shared_region_open();

	(void)data;
	mkdir("/tmp/jail", 0755);
	if (make_file("/tmp/jail/file", 0) || chroot("/tmp/jail") || chdir("/"))
		return 1;
	if (seen(fd) != 0)
		return 2;
	if (configure(fd, "/file", 'c') || seen(fd) != 'c' || attached_to(fd) != 'c')
		return 3;
	return 0;
}

TEST_F(caller, a_chroot_has_its_own_region)
{
	ASSERT_EQ(0, configure(self->fd, "/tmp/of_root", 'r'));
	EXPECT_EQ(0, in_child(configure_in_chroot, NULL));
	EXPECT_EQ('r', seen(self->fd));
	EXPECT_EQ('r', attached_to(self->fd));
}

static int attach_in_mount_namespace(void *data)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return 1;
	if (mount("none", "/mnt", "tmpfs", 0, NULL))
		return 2;
	return attached_to(*(int *)data) == 'r' ? 0 : 3;
}

TEST_F(caller, a_mount_namespace_with_the_same_root_has_the_same_region)
{
	ASSERT_EQ(0, configure(self->fd, "/tmp/of_root", 'r'));
	EXPECT_EQ(0, in_child(attach_in_mount_namespace, &self->fd));
}

TEST_F(caller, what_a_chroot_configured_is_not_seen_outside)
{
	EXPECT_EQ(0, in_child(configure_in_chroot, NULL));
	EXPECT_EQ(0, seen(self->fd));
	EXPECT_EQ(-ENOMEM, attached_to(self->fd));
}

/* ---- user namespaces ---- */

static int write_map(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	int ret = fd < 0 || write(fd, text, strlen(text)) < 0;

	close(fd);
	return ret;
}

/* An unprivileged user becomes root of a namespace of their own. */
static int enter_namespace(void)
{
	/* dumpable: else /proc/self is root's after setuid() */
	return setgid(NOBODY) || setuid(NOBODY) || prctl(PR_SET_DUMPABLE, 1) || unshare(CLONE_NEWUSER) ||
	       write_map("/proc/self/uid_map", "0 1234 1\n") || write_map("/proc/self/setgroups", "deny") ||
	       write_map("/proc/self/gid_map", "0 1234 1\n");
}

struct namespace_case {
	int fd;
	int tell;		/* pipes: "configured", and "go" */
	int go;
};

static int configure_in_namespace(struct namespace_case *with)
{
	struct shared_region_interpreter state;
	char byte;

	if (enter_namespace())
		return 1;
	if (seen(with->fd) != 0 || attached_to(with->fd) != -ENOMEM)
		return 2;
	/* root's file is none of theirs: its owner has no name in the namespace */
	if (configure(with->fd, "/tmp/of_root", 'x') != -EACCES)
		return 3;
	if (configure(with->fd, "/tmp/of_nobody", 'n'))
		return 4;
	if (seen(with->fd) != 'n' || attached_to(with->fd) != 'n')
		return 5;
	/* a namespace's root substitutes nobody's interpreter: the root directory is everybody's */
	if (shared_region_interpreter_set(with->fd, GENUINE, REPLACEMENT) != -EPERM ||
	    shared_region_interpreter_query(with->fd, GENUINE, &state) != -EPERM)
		return 6;
	if (write(with->tell, "x", 1) != 1 || read(with->go, &byte, 1) != 0)
		return 7;
	return 0;
}

static int look_from_sibling(void *data)
{
	int fd = *(int *)data;

	if (enter_namespace())
		return 1;
	return seen(fd) != 0 || attached_to(fd) != -ENOMEM ? 2 : 0;
}

TEST_F(caller, a_user_namespace_configures_its_own_region_only)
{
	struct namespace_case with;
	int tell[2], go[2], status;
	char byte;
	pid_t pid;

	ASSERT_EQ(0, make_all());
	ASSERT_EQ(0, configure(self->fd, "/tmp/of_root", 'r'));
	ASSERT_EQ(0, pipe(tell) || pipe(go));
	pid = fork();
	if (!pid) {
		close(go[1]);
		with = (struct namespace_case) { shared_region_open(), tell[1], go[0] };
		_exit(configure_in_namespace(&with));
	}
	close(tell[1]);
	EXPECT_EQ(1, read(tell[0], &byte, 1));
	/* while it has it: */
	EXPECT_EQ('r', seen(self->fd));
	EXPECT_EQ(0, in_child(look_from_sibling, &self->fd));
	EXPECT_EQ('r', attached_to(self->fd));
	close(go[1]);
	waitpid(pid, &status, 0);
	EXPECT_EQ(0, status);
}

/* ---- teams: this program again, from copies with an extended attribute ---- */

static void act(const char *action)
{
	int fd = shared_region_open(), ret;
	char byte;

	if (fd < 0)
		_exit(201);
	if (!strcmp(action, "see")) {
		ret = seen(fd);
		_exit(ret < 0 ? -ret : ret);
	}
	ret = configure(fd, "/tmp/of_root", action[0]);
	if (ret)
		_exit(-ret);
	if (seen(fd) != action[0] || attached_to(fd) != action[0])
		_exit(202);
	if (write(1, "x", 1) != 1 || read(0, &byte, 1) != 0)
		_exit(203);
	_exit(0);
}

__attribute__((constructor)) static void act_if_asked(void)
{
	if (getenv("TEAM_ACTION"))
		act(getenv("TEAM_ACTION"));
}

static int copy_self(const char *to)
{
	int from = open("/proc/self/exe", O_RDONLY), fd;
	char buffer[65536];
	ssize_t got;

	unlink(to);
	fd = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	while ((got = read(from, buffer, sizeof(buffer))) > 0)
		if (write(fd, buffer, got) != got)
			return -1;
	close(from);
	return close(fd);
}

static int make_member(const char *path, const char *attribute, const char *team, size_t length)
{
	return copy_self(path) ?: setxattr(path, attribute, team, length, 0) ? -errno : 0;
}

struct member {
	pid_t pid;
	int go;
};

static int start_member(struct member *member, const char *path, const char *action)
{
	int go[2], tell[2];
	char byte;

	if (pipe2(go, O_CLOEXEC) || pipe2(tell, O_CLOEXEC))
		return -1;
	member->pid = fork();
	if (!member->pid) {
		setenv("TEAM_ACTION", action, 1);
		dup2(go[0], 0);
		dup2(tell[1], 1);
		execl(path, path, NULL);
		_exit(127);
	}
	close(go[0]);
	close(tell[1]);
	member->go = go[1];
	return read(tell[0], &byte, 1) == 1 ? 0 : -1;
}

static int end_member(struct member *member)
{
	int status;

	close(member->go);
	waitpid(member->pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int see_as(const char *path)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		setenv("TEAM_ACTION", "see", 1);
		execl(path, path, NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST_F(caller, each_team_has_its_own_region)
{
	struct member a, b;
	int ret = make_member("/tmp/team_a", SHARED_REGION_TEAM_XATTR, "AAAA", 4);

	if (ret == -ENOTSUP)
		SKIP(return, "no security.* attributes on this tmpfs");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, make_member("/tmp/team_a2", SHARED_REGION_TEAM_XATTR, "AAAA", 4));
	ASSERT_EQ(0, make_member("/tmp/team_b", SHARED_REGION_TEAM_XATTR, "BBBB", 4));
	ASSERT_EQ(0, copy_self("/tmp/team_none"));
	ASSERT_EQ(0, configure(self->fd, "/tmp/of_root", 'r'));
	ASSERT_EQ(0, start_member(&a, "/tmp/team_a", "a"));
	ASSERT_EQ(0, start_member(&b, "/tmp/team_b", "b"));
	EXPECT_EQ('a', see_as("/tmp/team_a"));
	EXPECT_EQ('a', see_as("/tmp/team_a2"));
	EXPECT_EQ('b', see_as("/tmp/team_b"));
	EXPECT_EQ('r', see_as("/tmp/team_none"));
	EXPECT_EQ('r', seen(self->fd));
	EXPECT_EQ(0, end_member(&a));
	EXPECT_EQ(0, end_member(&b));
}

TEST_F(caller, a_team_id_has_up_to_64_bytes)
{
	char team[65];
	int ret;

	memset(team, 'T', sizeof(team));
	ret = make_member("/tmp/team_long", SHARED_REGION_TEAM_XATTR, team, 64);
	if (ret == -ENOTSUP)
		SKIP(return, "no security.* attributes on this tmpfs");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, configure(self->fd, "/tmp/of_root", 'r'));
	EXPECT_EQ(0, see_as("/tmp/team_long"));
	ASSERT_EQ(0, setxattr("/tmp/team_long", SHARED_REGION_TEAM_XATTR, team, 65, 0));
	EXPECT_EQ(ERANGE, see_as("/tmp/team_long"));
	/* empty is as absent */
	ASSERT_EQ(0, setxattr("/tmp/team_long", SHARED_REGION_TEAM_XATTR, team, 0, 0));
	EXPECT_EQ('r', see_as("/tmp/team_long"));
}

TEST_F(caller, a_user_attribute_makes_no_team)
{
	int ret = make_member("/tmp/team_forged", "user.sharedregion.team", "AAAA", 4);

	if (ret == -ENOTSUP)
		SKIP(return, "no user.* attributes on this tmpfs (before 6.6)");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, configure(self->fd, "/tmp/of_root", 'r'));
	EXPECT_EQ('r', see_as("/tmp/team_forged"));
}

static int forge_unprivileged(void *data)
{
	(void)data;
	if (setgid(NOBODY) || setuid(NOBODY))
		return 1;
	return setxattr("/tmp/team_own", SHARED_REGION_TEAM_XATTR, "AAAA", 4, 0) ? 2 : 0;
}

/* Some kernels let the owner write security.* (6.1 with the BPF LSM): only files of root have a team. */
TEST_F(caller, an_owner_without_privilege_sets_no_team)
{
	int wrote;

	ASSERT_EQ(0, copy_self("/tmp/team_own"));
	ASSERT_EQ(0, chown("/tmp/team_own", NOBODY, NOBODY));
	wrote = in_child(forge_unprivileged, NULL) == 0;
	TH_LOG("the owner %s write security.sharedregion.team", wrote ? "can" : "cannot");
	ASSERT_EQ(0, configure(self->fd, "/tmp/of_root", 'r'));
	EXPECT_EQ('r', see_as("/tmp/team_own"));
	/* the same attribute on a file of root makes a team, without a region here */
	ASSERT_EQ(0, chown("/tmp/team_own", 0, 0));
	if (wrote)
		EXPECT_EQ(0, see_as("/tmp/team_own"));
}

/* A namespace's root may write security.* in a file system of their own. Run from outside it counts for nothing. */
static int forge_in_namespace(int tell, int go)
{
	char byte;

	if (enter_namespace() || unshare(CLONE_NEWNS) || mount("none", "/mnt", "tmpfs", 0, "mode=755"))
		return 1;
	if (make_member("/mnt/forged", SHARED_REGION_TEAM_XATTR, "AAAA", 4))
		return 2;
	return write(tell, "x", 1) != 1 || read(go, &byte, 1) != 0;
}

TEST_F(caller, a_team_of_a_user_namespaces_file_system_counts_for_nothing_outside)
{
	int tell[2], go[2], status;
	char path[64], byte;
	pid_t pid;

	ASSERT_EQ(0, configure(self->fd, "/tmp/of_root", 'r'));
	ASSERT_EQ(0, pipe(tell) || pipe(go));
	pid = fork();
	if (!pid) {
		close(go[1]);
		_exit(forge_in_namespace(tell[1], go[0]));
	}
	close(tell[1]);
	if (read(tell[0], &byte, 1) == 1) {
		snprintf(path, sizeof(path), "/proc/%d/root/mnt/forged", pid);
		EXPECT_EQ('r', see_as(path));
	}
	close(go[1]);
	waitpid(pid, &status, 0);
	if (WEXITSTATUS(status) == 2)
		SKIP(return, "no security.* attributes in a namespace's tmpfs");
	EXPECT_EQ(0, status);
}

TEST_HARNESS_MAIN
