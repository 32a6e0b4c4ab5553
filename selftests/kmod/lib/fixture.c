// SPDX-License-Identifier: GPL-2.0-or-later
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE		4096UL
#define SLOT		(2UL << 20)
#define CONTENT_FILE	"/tmp/shared_region_content"

static uint64_t pattern(uint64_t offset)
{
	uint64_t x = offset * 0x9e3779b97f4a7c15ULL + 0x1234567;

	return x ^ (x >> 29);
}

static void raw_page(const struct region *region, size_t page, void *to)
{
	uint64_t *words = to, offset = page * PAGE;
	size_t i;

	for (i = 0; i < PAGE / 8; i++)
		words[i] = pattern(offset + i * 8);
	if (offset < region->text_size) {
		unsigned char *code = to;
		uint32_t number = (uint32_t)page;

		code[0] = 0xb8;		/* mov $page, %eax */
		memcpy(code + 1, &number, 4);
		code[5] = 0xc3;		/* ret */
	} else if (offset < region->text_size + region->data_size) {
		words[0] = offset;	/* slides */
	}
}

void region_expected_page(const struct region *region, size_t page, void *to)
{
	uint64_t *words = to, offset = page * PAGE;

	raw_page(region, page, to);
	if (offset >= region->text_size && offset < region->text_size + region->data_size)
		words[0] += (uint64_t)region->base;
}

bool region_page_is_right(const struct region *region, size_t page)
{
	char expected[PAGE];

	region_expected_page(region, page, expected);
	return !memcmp(region->base + page * PAGE, expected, PAGE);
}

long region_wrong_pages(const struct region *region, size_t first, size_t count)
{
	long wrong = 0;

	for (size_t i = first; i < first + count; i++)
		wrong += !region_page_is_right(region, i);
	return wrong;
}

static int write_content(const struct region *region)
{
	size_t pages = (region->text_size + region->data_size + region->rodata_size) / PAGE;
	char page[PAGE];
	int fd;

	fd = open(CONTENT_FILE, O_RDWR | O_CREAT | O_TRUNC, 0644);
	if (fd < 0)
		return -errno;
	for (size_t i = 0; i < pages; i++) {
		raw_page(region, i, page);
		if (write(fd, page, PAGE) != (ssize_t)PAGE) {
			close(fd);
			return -EIO;
		}
	}
	return close(fd) ? -errno : 0;
}

static void describe_mapping(struct region *region, int i, uint64_t offset, uint64_t size, uint32_t prot)
{
	region->mappings[i] = (struct shared_region_mapping) {
		.fd = -1,
		.prot = prot,
		.flags = prot & SHARED_REGION_PROT_WRITE ? SHARED_REGION_MAPPING_PRIVATE : 0,
		.file_offset = offset,
		.region_offset = offset,
		.length = size,
	};
}

void region_describe(struct region *region, size_t text_size, size_t data_size, size_t rodata_size)
{
	size_t end = text_size + data_size + rodata_size;

	memset(region, 0, sizeof(*region));
	region->text_size = text_size;
	region->data_size = data_size;
	region->rodata_size = rodata_size;
	region->size = (end + SLOT - 1) / SLOT * SLOT;
	region->device = -1;
	describe_mapping(region, 0, 0, text_size, SHARED_REGION_PROT_READ | SHARED_REGION_PROT_EXEC);
	describe_mapping(region, 1, text_size, data_size, SHARED_REGION_PROT_READ | SHARED_REGION_PROT_WRITE);
	describe_mapping(region, 2, text_size + data_size, rodata_size, SHARED_REGION_PROT_READ);
	region->slide = calloc(data_size / PAGE, 8);
	for (size_t i = 0; i < data_size / PAGE; i++)
		region->slide[i] = text_size + i * PAGE;
	region->mappings[1].slide = (uint64_t)region->slide;
	region->mappings[1].slide_count = data_size / PAGE;
	region->request.mappings = (uint64_t)region->mappings;
	region->request.mapping_count = rodata_size ? 3 : 2;
	region->request.region_size = region->size;
	memcpy(region->request.uuid, "0123456789abcdef", 16);
}

void region_put_on_request(struct region *region, size_t offset, size_t size, const char *name)
{
	int i = (int)region->request.mapping_count++;

	describe_mapping(region, i, offset, size, SHARED_REGION_PROT_READ | SHARED_REGION_PROT_WRITE);
	region->mappings[i].flags |= SHARED_REGION_MAPPING_ON_REQUEST;
	region->mappings[i].name = (uint64_t)name;
}

int region_configure(struct region *region)
{
	int fd;

	region->result = write_content(region);
	if (region->result)
		return region->result;
	region->device = shared_region_open();
	if (region->device < 0)
		return region->result = region->device;
	fd = open(CONTENT_FILE, O_RDONLY);
	for (int i = 0; i < 6; i++)
		if (!(region->mappings[i].flags & SHARED_REGION_MAPPING_ZERO))
			region->mappings[i].fd = fd;
	region->result = shared_region_configure(region->device, &region->request);
	region->base = (char *)region->request.base;
	close(fd);
	return region->result;
}

void region_close(struct region *region)
{
	free(region->slide);
	if (region->device >= 0)
		close(region->device);
}

long minor_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

void touch(const volatile char *from, size_t size)
{
	for (size_t i = 0; i < size; i += PAGE)
		(void)from[i];
}

int in_child(int (*body)(void *data), void *data)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return -1;
	if (!pid)
		_exit(body(data));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

long status_number(const char *key)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[256];
	long value = -1;

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, key, strlen(key)))
			value = strtol(line + strlen(key), NULL, 10);
	if (file)
		fclose(file);
	return value;
}

static sigjmp_buf after_signal;
static volatile struct fault last_fault;

static void on_signal(int number, siginfo_t *info, void *context)
{
	(void)context;
	last_fault.signal = number;
	last_fault.code = info->si_code;
	last_fault.address = info->si_addr;
	siglongjmp(after_signal, 1);
}

enum kind { READ, WRITE, CALL };

static struct fault fault_of(enum kind kind, void *address)
{
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
	const int numbers[] = { SIGSEGV, SIGBUS, SIGILL };
	struct sigaction old[3];

	for (int i = 0; i < 3; i++)
		sigaction(numbers[i], &action, &old[i]);
	last_fault.signal = 0;
	last_fault.code = 0;
	last_fault.address = NULL;
	if (!sigsetjmp(after_signal, 1)) {
		if (kind == READ)
			(void)*(volatile char *)address;
		else if (kind == WRITE)
			*(volatile char *)address = 1;
		else
			((void (*)(void))address)();
	}
	for (int i = 0; i < 3; i++)
		sigaction(numbers[i], &old[i], NULL);
	return last_fault;
}

struct fault fault_of_read(const void *address)
{
	return fault_of(READ, (void *)address);
}

struct fault fault_of_write(void *address)
{
	return fault_of(WRITE, address);
}

struct fault fault_of_call(const void *address)
{
	return fault_of(CALL, (void *)address);
}

int signal_of_read(const void *address)
{
	return fault_of_read(address).signal;
}

int signal_of_write(void *address)
{
	return fault_of_write(address).signal;
}

int signal_of_call(const void *address)
{
	return fault_of_call(address).signal;
}
