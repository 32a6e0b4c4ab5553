// SPDX-License-Identifier: GPL-2.0-or-later
#include "tiny_elf.h"

#include "shared_region.h"

#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM_BASE	0x400000

struct tiny_elf {
	Elf64_Ehdr header;
	Elf64_Phdr segments[2];
	char interpreter[64];
	unsigned char code[96];
};

struct tiny_elf32 {
	Elf32_Ehdr header;
	Elf32_Phdr segments[2];
	char interpreter[64];
	unsigned char code[64];
};

static int write_file(const char *path, const void *content, size_t size)
{
	int fd;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	if (fd < 0 || write(fd, content, size) != (ssize_t)size)
		return -1;
	return close(fd);
}

/* With `interpreter` it is a program, whose code never runs. */
static int make_elf(const char *path, const unsigned char *code, size_t size, const char *interpreter)
{
	struct tiny_elf elf = { .header.e_type = interpreter ? ET_EXEC : ET_DYN };
	uint64_t base = interpreter ? PROGRAM_BASE : 0;

	memcpy(elf.header.e_ident, ELFMAG "\2\1\1", 7);
	if (code)
		memcpy(elf.code, code, size);
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
	return write_file(path, &elf, sizeof(elf));
}

static int make_elf32(const char *path, const unsigned char *code, size_t size, const char *interpreter)
{
	struct tiny_elf32 elf = { .header.e_type = interpreter ? ET_EXEC : ET_DYN };
	uint32_t base = interpreter ? PROGRAM_BASE : 0;

	memcpy(elf.header.e_ident, ELFMAG "\1\1\1", 7);
	if (code)
		memcpy(elf.code, code, size);
	elf.header.e_machine = EM_386;
	elf.header.e_version = 1;
	elf.header.e_entry = base + offsetof(struct tiny_elf32, code);
	elf.header.e_phoff = offsetof(struct tiny_elf32, segments);
	elf.header.e_ehsize = sizeof(Elf32_Ehdr);
	elf.header.e_phentsize = sizeof(Elf32_Phdr);
	elf.header.e_phnum = interpreter ? 2 : 1;
	elf.segments[0] = (Elf32_Phdr) { .p_type = PT_LOAD, .p_flags = PF_R | PF_W | PF_X, .p_vaddr = base,
					 .p_filesz = sizeof(elf), .p_memsz = sizeof(elf), .p_align = 4096 };
	if (interpreter) {
		strcpy(elf.interpreter, interpreter);
		elf.segments[1] = (Elf32_Phdr) { .p_type = PT_INTERP, .p_flags = PF_R,
						 .p_offset = offsetof(struct tiny_elf32, interpreter),
						 .p_filesz = strlen(interpreter) + 1 };
	}
	return write_file(path, &elf, sizeof(elf));
}

int make_interpreter(const char *path, unsigned char number)
{
	unsigned char code[] = {
		0xbf, number, 0, 0, 0,				/* mov $number, %edi */
		0xb8, 60, 0, 0, 0,				/* mov $60 (exit), %eax */
		0x0f, 0x05,					/* syscall */
	};

	return make_elf(path, code, sizeof(code), NULL);
}

int rewrite_interpreter(const char *path, unsigned char number)
{
	int fd = open(path, O_WRONLY);

	if (pwrite(fd, &number, 1, offsetof(struct tiny_elf, code) + 1) != 1)
		return -1;
	return close(fd);
}

int make_waiting_interpreter(const char *path, unsigned char number)
{
	unsigned char code[] = {
		0x31, 0xc0,					/* xor %eax, %eax (read) */
		0x31, 0xff,					/* xor %edi, %edi */
		0x48, 0x89, 0xe6,				/* mov %rsp, %rsi */
		0xba, 1, 0, 0, 0,				/* mov $1, %edx */
		0x0f, 0x05,					/* syscall */
		0xbf, number, 0, 0, 0,				/* mov $number, %edi */
		0xb8, 60, 0, 0, 0,				/* mov $60 (exit), %eax */
		0x0f, 0x05,					/* syscall */
	};

	return make_elf(path, code, sizeof(code), NULL);
}

int make_probe(const char *path, uint64_t address)
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

	memcpy(code + 2, &address, 8);
	return make_elf(path, code, sizeof(code), NULL);
}

int make_attaching_interpreter(const char *path, unsigned char fd, unsigned char page)
{
	unsigned char code[] = {
		0x48, 0x81, 0xec, 0, 1, 0, 0,			/* sub $256, %rsp */
		0xc7, 0x04, 0x24, sizeof(struct shared_region_check), 0, 0, 0, /* movl $size, (%rsp) */
		0xc7, 0x44, 0x24, 4, 0, 0, 0, 0,		/* movl $0, 4(%rsp) */
		0xbf, fd, 0, 0, 0,				/* mov $fd, %edi */
		0xbe, 0, 0, 0, 0,				/* mov $SHARED_REGION_CHECK, %esi */
		0x48, 0x89, 0xe2,				/* mov %rsp, %rdx */
		0xb8, 16, 0, 0, 0,				/* mov $16 (ioctl), %eax */
		0x0f, 0x05,					/* syscall */
		0xf7, 0xd8,					/* neg %eax */
		0x89, 0xc7,					/* mov %eax, %edi */
		0x75, 15,					/* jnz exit */
		0x48, 0x8b, 0x44, 0x24, 8,			/* mov 8(%rsp), %rax (base) */
		0x48, 0x05, 0, page << 4, 0, 0,			/* add $page * 4096, %rax */
		0xff, 0xd0,					/* call *%rax */
		0x89, 0xc7,					/* mov %eax, %edi */
		0xb8, 60, 0, 0, 0,				/* exit: mov $60 (exit), %eax */
		0x0f, 0x05,					/* syscall */
	};
	uint32_t command = SHARED_REGION_CHECK;

	memcpy(code + 28, &command, 4);
	return make_elf(path, code, sizeof(code), NULL);
}

int make_program(const char *path, const char *interpreter)
{
	return make_elf(path, NULL, 0, interpreter);
}

int make_interpreter32(const char *path, unsigned char number)
{
	unsigned char code[] = {
		0xbb, number, 0, 0, 0,				/* mov $number, %ebx */
		0xb8, 1, 0, 0, 0,				/* mov $1 (exit), %eax */
		0xcd, 0x80,					/* int $0x80 */
	};

	return make_elf32(path, code, sizeof(code), NULL);
}

int make_program32(const char *path, const char *interpreter)
{
	return make_elf32(path, NULL, 0, interpreter);
}

int make_ioctl_program32(const char *path, unsigned char fd, uint32_t command)
{
	unsigned char code[] = {
		0xb9, 0, 0, 0, 0,				/* mov $command, %ecx */
		0xbb, fd, 0, 0, 0,				/* mov $fd, %ebx */
		0xb8, 54, 0, 0, 0,				/* mov $54 (ioctl), %eax */
		0x89, 0xe2,					/* mov %esp, %edx */
		0xcd, 0x80,					/* int $0x80 */
		0xf7, 0xd8,					/* neg %eax */
		0x89, 0xc3,					/* mov %eax, %ebx */
		0xb8, 1, 0, 0, 0,				/* mov $1 (exit), %eax */
		0xcd, 0x80,					/* int $0x80 */
	};

	memcpy(code + 1, &command, 4);
	return make_elf32(path, code, sizeof(code), NULL);
}

int make_all(void)
{
	return make_interpreter(GENUINE, BY_GENUINE) || make_interpreter(REPLACEMENT, BY_REPLACEMENT) ||
	       make_program(PROGRAM, GENUINE) ? -1 : 0;
}

int run_program(const char *path)
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
