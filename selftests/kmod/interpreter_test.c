// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Group 12: interpreter substitution. Programs and interpreters are made here, byte by byte: an interpreter is a few
 * instructions that exit with a number, so the exit code of a program says who interpreted it.
 */
#include "lib/fixture.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#define GENUINE		"/tmp/ld-genuine.so"
#define REPLACEMENT	"/tmp/ld-replacement.so"
#define PROGRAM		"/tmp/program"
#define BY_GENUINE	11
#define BY_REPLACEMENT	22

struct tiny_elf {
	Elf64_Ehdr header;
	Elf64_Phdr segments[2];
	char interpreter[64];
	unsigned char code[64];
};

/* An ELF file that exits with `code`; with `interpreter` it is a program that never gets that far. */
static int make_elf(const char *path, unsigned char code, const char *interpreter)
{
	/* mov $code, %edi; mov $60, %eax; syscall */
	struct tiny_elf elf = { .code = { 0xbf, code, 0, 0, 0, 0xb8, 60, 0, 0, 0, 0x0f, 0x05 } };
	uint64_t base = interpreter ? 0x400000 : 0;
	int fd;

	memcpy(elf.header.e_ident, ELFMAG "\2\1\1", 7);
	elf.header.e_type = interpreter ? ET_EXEC : ET_DYN;
	elf.header.e_machine = EM_X86_64;
	elf.header.e_version = 1;
	elf.header.e_entry = base + offsetof(struct tiny_elf, code);
	elf.header.e_phoff = offsetof(struct tiny_elf, segments);
	elf.header.e_ehsize = sizeof(Elf64_Ehdr);
	elf.header.e_phentsize = sizeof(Elf64_Phdr);
	elf.header.e_phnum = interpreter ? 2 : 1;
	/* writable, as the kernel clears the rest of an interpreter's last page (6.1: in any case) */
	elf.segments[0] = (Elf64_Phdr) { .p_type = PT_LOAD, .p_flags = PF_R | PF_W | PF_X, .p_vaddr = base,
					 .p_filesz = sizeof(elf), .p_memsz = sizeof(elf), .p_align = 4096 };
	if (interpreter) {
		strcpy(elf.interpreter, interpreter);
		elf.segments[1] = (Elf64_Phdr) { .p_type = PT_INTERP, .p_flags = PF_R,
						 .p_offset = offsetof(struct tiny_elf, interpreter),
						 .p_filesz = strlen(interpreter) + 1 };
	}
	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	if (fd < 0 || write(fd, &elf, sizeof(elf)) != sizeof(elf))
		return -1;
	return close(fd);
}

/* An interpreter that tries to map `address` and exits with the error: EEXIST if something is there. */
static int make_probe(const char *path, uint64_t address)
{
	unsigned char code[] = {
		0x48, 0xbf, 0, 0, 0, 0, 0, 0, 0, 0,		/* movabs $address, %rdi */
		0xb8, 9, 0, 0, 0,				/* mov $9 (mmap), %eax */
		0xbe, 0, 0x10, 0, 0,				/* mov $4096, %esi */
		0x31, 0xd2,					/* xor %edx, %edx */
		0x41, 0xba, 0x22, 0, 0x10, 0,			/* mov $MAP_FIXED_NOREPLACE | ..., %r10d */
		0x49, 0xc7, 0xc0, 0xff, 0xff, 0xff, 0xff,	/* mov $-1, %r8 */
		0x45, 0x31, 0xc9,				/* xor %r9d, %r9d */
		0x0f, 0x05,					/* syscall */
		0xf7, 0xd8,					/* neg %eax */
		0x89, 0xc7,					/* mov %eax, %edi */
		0xb8, 60, 0, 0, 0,				/* mov $60 (exit), %eax */
		0x0f, 0x05,					/* syscall */
	};
	int fd;

	if (make_elf(path, 0, NULL))
		return -1;
	memcpy(code + 2, &address, 8);
	fd = open(path, O_WRONLY);
	if (pwrite(fd, code, sizeof(code), offsetof(struct tiny_elf, code)) != sizeof(code))
		return -1;
	return close(fd);
}

static int run(const char *path)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		execl(path, path, NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

FIXTURE(interpreter)
{
	int fd;
	struct shared_region_interpreter state;
};

FIXTURE_SETUP(interpreter)
{
	self->fd = shared_region_open();
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, make_elf(GENUINE, BY_GENUINE, NULL));
	ASSERT_EQ(0, make_elf(REPLACEMENT, BY_REPLACEMENT, NULL));
	ASSERT_EQ(0, make_elf(PROGRAM, 1, GENUINE));
	ASSERT_EQ(BY_GENUINE, run(PROGRAM));
}

FIXTURE_TEARDOWN(interpreter)
{
	shared_region_interpreter_clear(self->fd, GENUINE);
	close(self->fd);
}

TEST_F(interpreter, set_substitutes_and_clear_ends_it)
{
	ASSERT_EQ(0, shared_region_interpreter_set(self->fd, GENUINE, REPLACEMENT));
	EXPECT_EQ(BY_REPLACEMENT, run(PROGRAM));
	ASSERT_EQ(0, shared_region_interpreter_query(self->fd, GENUINE, &self->state));
	EXPECT_EQ(SHARED_REGION_INTERPRETER_ACTIVE, self->state.state);
	EXPECT_EQ(1, self->state.substituted);
	EXPECT_EQ(-EEXIST, shared_region_interpreter_set(self->fd, GENUINE, REPLACEMENT));
	ASSERT_EQ(0, shared_region_interpreter_clear(self->fd, GENUINE));
	EXPECT_EQ(BY_GENUINE, run(PROGRAM));
	EXPECT_EQ(-ENOENT, shared_region_interpreter_clear(self->fd, GENUINE));
	EXPECT_EQ(-ENOENT, shared_region_interpreter_query(self->fd, GENUINE, &self->state));
}

TEST_F(interpreter, it_outlives_the_file_descriptor)
{
	ASSERT_EQ(0, shared_region_interpreter_set(self->fd, GENUINE, REPLACEMENT));
	close(self->fd);
	EXPECT_EQ(BY_REPLACEMENT, run(PROGRAM));
	self->fd = shared_region_open();
}

TEST_F(interpreter, other_interpreters_are_untouched)
{
	ASSERT_EQ(0, make_elf("/tmp/ld-other.so", 33, NULL));
	ASSERT_EQ(0, make_elf("/tmp/other", 1, "/tmp/ld-other.so"));
	ASSERT_EQ(0, shared_region_interpreter_set(self->fd, GENUINE, REPLACEMENT));
	EXPECT_EQ(33, run("/tmp/other"));
	EXPECT_EQ(BY_REPLACEMENT, run(PROGRAM));
}

TEST_F(interpreter, renaming_over_the_genuine_one_ends_it)
{
	ASSERT_EQ(0, shared_region_interpreter_set(self->fd, GENUINE, REPLACEMENT));
	ASSERT_EQ(0, make_elf(GENUINE ".new", 44, NULL));
	ASSERT_EQ(0, rename(GENUINE ".new", GENUINE));
	EXPECT_EQ(44, run(PROGRAM));
	ASSERT_EQ(0, shared_region_interpreter_query(self->fd, GENUINE, &self->state));
	EXPECT_EQ(SHARED_REGION_INTERPRETER_STALE, self->state.state);
}

TEST_F(interpreter, rewriting_the_genuine_one_ends_it)
{
	unsigned char code = 55;
	int fd;

	ASSERT_EQ(0, shared_region_interpreter_set(self->fd, GENUINE, REPLACEMENT));
	usleep(20000);
	fd = open(GENUINE, O_WRONLY);
	ASSERT_EQ(1, pwrite(fd, &code, 1, offsetof(struct tiny_elf, code) + 1));
	close(fd);
	EXPECT_EQ(55, run(PROGRAM));
}

TEST_F(interpreter, deleting_the_genuine_one_ends_it)
{
	ASSERT_EQ(0, shared_region_interpreter_set(self->fd, GENUINE, REPLACEMENT));
	ASSERT_EQ(0, unlink(GENUINE));
	EXPECT_EQ(127, run(PROGRAM));
}

static int run_in_chroot(void *data)
{
	(void)data;
	if (chroot("/tmp/jail") || chdir("/"))
		return 1;
	return run(PROGRAM);
}

TEST_F(interpreter, another_root_is_untouched)
{
	mkdir("/tmp/jail", 0755);
	mkdir("/tmp/jail/tmp", 0755);
	ASSERT_EQ(0, make_elf("/tmp/jail" GENUINE, BY_GENUINE, NULL));
	ASSERT_EQ(0, make_elf("/tmp/jail" PROGRAM, 1, GENUINE));
	ASSERT_EQ(0, shared_region_interpreter_set(self->fd, GENUINE, REPLACEMENT));
	EXPECT_EQ(BY_GENUINE, in_child(run_in_chroot, NULL));
	EXPECT_EQ(BY_REPLACEMENT, run(PROGRAM));
}

TEST_F(interpreter, setuid_programs_and_scripts_are_substituted_too)
{
	int fd;

	ASSERT_EQ(0, shared_region_interpreter_set(self->fd, GENUINE, REPLACEMENT));
	fd = open("/tmp/script", O_WRONLY | O_CREAT | O_TRUNC, 0755);
	ASSERT_EQ(15, write(fd, "#!/tmp/program\n", 15));
	close(fd);
	EXPECT_EQ(BY_REPLACEMENT, run("/tmp/script"));
	ASSERT_EQ(0, chown(PROGRAM, 1234, 1234));
	ASSERT_EQ(0, chmod(PROGRAM, 06755));
	EXPECT_EQ(BY_REPLACEMENT, run(PROGRAM));
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
	EXPECT_EQ(0, run(PROGRAM));
	ASSERT_EQ(0, shared_region_interpreter_set(self->fd, GENUINE, REPLACEMENT));
	EXPECT_EQ(EEXIST, run(PROGRAM));
	/* and CHECK replaces such a one */
	placeholder = mmap(region.base, region.size, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
	ASSERT_EQ(region.base, placeholder);
	EXPECT_EQ(0, shared_region_check(region.device, 0, &check));
	EXPECT_EQ(0, region_wrong_pages(&region, 0, 512));
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
	EXPECT_EQ(BY_GENUINE, run(PROGRAM));
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
			int code = run(PROGRAM);

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
