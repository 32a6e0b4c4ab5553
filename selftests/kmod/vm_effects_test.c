// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Group 8, what needs more than a call and its result: core dumps, memory failures, KSM, locked and limited address
 * spaces, probes, sealing.
 */
#include "lib/guest.h"
#include "lib/witness.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#define PAGE	4096UL
#define MB	(1UL << 20)
#define SLOT	(2 * MB)
#define TEXT	(SLOT / PAGE - 20)
#define DATA	60UL
#define RODATA	30UL

FIXTURE(effects)
{
	struct region region;
	struct expected expected;
	struct witness attached, fresh;
	struct shared_region_check check;
};

FIXTURE_SETUP(effects)
{
	region_describe(&self->region, TEXT * PAGE, DATA * PAGE, RODATA * PAGE);
	ASSERT_EQ(0, region_configure(&self->region));
	ASSERT_EQ(0, expected_compute(&self->expected, &self->region));
	ASSERT_EQ(0, witness_start(&self->attached, WITNESS_ATTACHED, &self->expected));
	ASSERT_EQ(0, witness_start(&self->fresh, WITNESS_FRESH, &self->expected));
}

FIXTURE_TEARDOWN(effects)
{
	EXPECT_EQ(0, witness_wrong(&self->attached));
	EXPECT_EQ(0, witness_wrong(&self->fresh));
	witness_stop(&self->attached);
	witness_stop(&self->fresh);
	expected_free(&self->expected);
	region_close(&self->region);
}

#define ATTACH() ASSERT_EQ(0, shared_region_check(self->region.device, 0, &self->check))

/* ---- core dumps ---- */

#define CORE	"/tmp/shared_region_core"

static char landmark[2 * PAGE];

static int dump_core(void *data)
{
	const struct region *region = data;
	const struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };
	struct shared_region_check check;

	if (setrlimit(RLIMIT_CORE, &limit) || chdir("/tmp") || shared_region_check(region->device, 0, &check))
		return 1;
	touch(region->base, region->text_size);
	memset(region_data(region), 0x77, 8 * PAGE);
	memset(landmark, 0x78, sizeof(landmark));
	abort();
}

/* What the dump has at an address: *size bytes that follow there in the file; NULL: nothing. */
static const char *in_core(const char *core, size_t core_size, const void *address, size_t *size)
{
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)core;
	const Elf64_Phdr *segment = (const Elf64_Phdr *)(core + header->e_phoff);
	uint64_t at = (uint64_t)address;

	for (int i = 0; i < header->e_phnum; i++, segment++) {
		uint64_t offset = at - segment->p_vaddr;

		if (segment->p_type != PT_LOAD || at < segment->p_vaddr || offset >= segment->p_filesz)
			continue;
		*size = segment->p_filesz - offset;
		return segment->p_offset + segment->p_filesz <= core_size ? core + segment->p_offset + offset : NULL;
	}
	return NULL;
}

static bool filled_with(const char *from, char byte, size_t size)
{
	return from[0] == byte && !memcmp(from, from + 1, size - 1);
}

TEST_F(effects, a_core_dump_ends_well_and_has_zeros_for_the_region)
{
	const char *core, *found;
	struct stat stat;
	size_t size = 0;
	int fd;

	ASSERT_EQ(0, file_put("/proc/sys/kernel/core_pattern", CORE));
	ASSERT_EQ(0, file_put("/proc/sys/kernel/core_uses_pid", "0"));
	/* private and shared mappings of all kinds, ELF headers */
	ASSERT_EQ(0, file_put("/proc/self/coredump_filter", "0x7f"));
	ASSERT_EQ(128 + SIGABRT, in_child(dump_core, &self->region));
	fd = open(CORE, O_RDONLY);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fstat(fd, &stat));
	core = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	ASSERT_NE(MAP_FAILED, core);
	ASSERT_EQ(0, memcmp(core, ELFMAG, SELFMAG));
	found = in_core(core, (size_t)stat.st_size, landmark, &size);
	ASSERT_NE(NULL, found);
	EXPECT_TRUE(filled_with(found, 0x78, PAGE));
	/* the documented limit: VM_PFNMAP keeps the dumper from all pages, also from written ones */
	found = in_core(core, (size_t)stat.st_size, region_data(&self->region), &size);
	ASSERT_NE(NULL, found);
	EXPECT_LE(8 * PAGE, size);
	EXPECT_TRUE(filled_with(found, 0, 8 * PAGE));
	TH_LOG("%ld bytes of core", (long)stat.st_size);
	close(fd);
	unlink(CORE);
}

/* ---- failing memory ---- */

/* 6.12 raises SIGBUS at once, 6.1 at the next access. */
static int poison(void *data)
{
	char *page = data;

	signal(SIGBUS, SIG_DFL);
	*page = 1;
	if (madvise(page, PAGE, MADV_HWPOISON))
		return 4;
	return *(volatile char *)page;
}

static int poison_in_region(void *data)
{
	const struct region *region = data;
	char *page = region_data(region) + 5 * PAGE;
	struct shared_region_check check;

	if (shared_region_check(region->device, 0, &check))
		return 1;
	touch(region->base, region->text_size);
	if (!madvise(region->base, PAGE, MADV_HWPOISON) || errno != EFAULT)
		return 2;
	if (!madvise(page, PAGE, MADV_HWPOISON) || errno != EFAULT)
		return 3;
	return poison(page);
}

TEST_F(effects, a_failing_page_hits_the_process_that_has_the_copy_only)
{
	char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (madvise(page, 0, MADV_HWPOISON))
		SKIP(return, "a kernel without CONFIG_MEMORY_FAILURE");
	EXPECT_EQ(128 + SIGBUS, in_child(poison, page));
	EXPECT_EQ(128 + SIGBUS, in_child(poison_in_region, &self->region));
}

#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE 101
#endif

static int take_offline(void *data)
{
	const struct region *region = data;
	char *page = region_data(region) + 5 * PAGE;
	struct shared_region_check check;

	if (shared_region_check(region->device, 0, &check))
		return 1;
	if (!madvise(page, PAGE, MADV_SOFT_OFFLINE) || errno != EFAULT)
		return 2;
	for (int i = 0; i < 8; i++)
		page[i * PAGE] = (char)(i + 1);
	if (madvise(page, 8 * PAGE, MADV_SOFT_OFFLINE))
		return 3;
	for (int i = 0; i < 8; i++)
		if (page[i * PAGE] != i + 1)
			return 4;
	return 0;
}

TEST_F(effects, copies_on_a_page_that_goes_offline_move)
{
	static char byte[PAGE] __attribute__((aligned(PAGE)));

	if (madvise(byte, 0, MADV_SOFT_OFFLINE))
		SKIP(return, "a kernel without CONFIG_MEMORY_FAILURE");
	EXPECT_EQ(0, in_child(take_offline, &self->region));
}

/* ---- KSM ---- */

#define KSM "/sys/kernel/mm/ksm/"
#define PR_SET_MEMORY_MERGE_ 67		/* Linux 6.4 */

TEST_F(effects, equal_pages_are_merged_beside_it_and_not_in_it)
{
	char *other = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *data = region_data(&self->region);
	long scans;

	prctl(PR_SET_MEMORY_MERGE_, 1, 0, 0, 0);
	ATTACH();
	for (size_t i = 0; i < DATA; i++)
		memset(data + i * PAGE, 0x44, PAGE);
	memset(other, 0x44, 64 * PAGE);
	ASSERT_EQ(0, madvise(other, 64 * PAGE, MADV_MERGEABLE));
	ASSERT_EQ(0, madvise(self->region.base, self->region.size, MADV_MERGEABLE));
	ASSERT_EQ(0, file_put(KSM "sleep_millisecs", "0"));
	ASSERT_EQ(0, file_put(KSM "pages_to_scan", "10000"));
	ASSERT_EQ(0, file_put(KSM "run", "1"));
	scans = file_number(KSM "full_scans", "");
	for (int turn = 0; turn < 100 && file_number(KSM "full_scans", "") < scans + 5; turn++)
		usleep(50000);
	TH_LOG("%ld pages share others", file_number(KSM "pages_sharing", ""));
	EXPECT_LT(32, file_number(KSM "pages_sharing", ""));
	/* PR_SET_MEMORY_MERGE finds a few more, anywhere; with the region's it would be twice as many */
	EXPECT_GT(64 + DATA / 2, (unsigned long)file_number(KSM "pages_sharing", ""));
	EXPECT_TRUE(filled_with(data, 0x44, DATA * PAGE));
	EXPECT_TRUE(filled_with(other, 0x44, 64 * PAGE));
	EXPECT_EQ(0, expected_wrong(&self->expected, 0, TEXT));
	data[0] = 1;
	EXPECT_EQ(0x44, data[PAGE]);
	ASSERT_EQ(0, file_put(KSM "run", "2"));
	EXPECT_TRUE(filled_with(data + PAGE, 0x44, (DATA - 1) * PAGE));
}

/* ---- limits of the address space ---- */

TEST_F(effects, attaching_when_the_future_is_locked)
{
	ASSERT_EQ(0, mlockall(MCL_CURRENT | MCL_FUTURE));
	ATTACH();
	EXPECT_EQ(0, expected_all_wrong(&self->expected));
	region_data(&self->region)[0]++;
	EXPECT_EQ(1, expected_all_wrong(&self->expected));
	EXPECT_EQ(0, munlockall());
	EXPECT_EQ(0, status_number("VmLck:"));
}

static int attach_limited(void *data)
{
	const struct region *region = data;
	const struct rlimit limit = { MB, MB };
	struct shared_region_check check;

	if (setrlimit(RLIMIT_AS, &limit))
		return 1;
	if (shared_region_check(region->device, 0, &check) != -ENOMEM)
		return 2;
	return fault_of_read(region->base).code == SEGV_MAPERR ? 0 : 3;
}

TEST_F(effects, attaching_beyond_the_limit_of_the_address_space_is_enomem)
{
	EXPECT_EQ(0, in_child(attach_limited, &self->region));
}

/* ---- files and probes ---- */

TEST_F(effects, nobody_opens_the_regions_file)
{
	char path[128];

	ATTACH();
	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", (unsigned long)self->region.base,
		 (unsigned long)self->region.base + TEXT * PAGE);
	EXPECT_EQ(0, access(path, F_OK));
	EXPECT_EQ(-1, open(path, O_RDONLY));
	EXPECT_EQ(ENXIO, errno);
	EXPECT_EQ(-1, open(path, O_RDWR));
	EXPECT_EQ(0, expected_all_wrong(&self->expected));
}

TEST_F(effects, no_probe_is_set_in_its_text)
{
	struct perf_event_attr attributes = { .size = sizeof(attributes) };
	long type = file_number("/sys/bus/event_source/devices/uprobe/type", "");
	char path[128];

	if (type < 0)
		SKIP(return, "a kernel without CONFIG_UPROBES");
	ATTACH();
	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", (unsigned long)self->region.base,
		 (unsigned long)self->region.base + TEXT * PAGE);
	attributes.type = (uint32_t)type;
	attributes.uprobe_path = (uint64_t)path;
	EXPECT_EQ(-1, syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0, expected_all_wrong(&self->expected));
}

/* ---- replaced, cut, sealed ---- */

TEST_F(effects, a_segment_attached_over_it_is_that_segment)
{
	char *at = region_data(&self->region) + 12 * PAGE;
	int id = shmget(IPC_PRIVATE, 4 * PAGE, IPC_CREAT | 0600);

	ATTACH();
	touch(self->region.base, TEXT * PAGE);
	ASSERT_EQ(at, shmat(id, at, SHM_REMAP));
	EXPECT_TRUE(filled_with(at, 0, 4 * PAGE));
	memset(at, 3, 4 * PAGE);
	EXPECT_EQ(4, expected_all_wrong(&self->expected));
	ASSERT_EQ(0, shmdt(at));
	EXPECT_EQ(SEGV_MAPERR, fault_of_read(at).code);
	shmctl(id, IPC_RMID, NULL);
}

TEST_F(effects, mremap_cuts_off_an_end)
{
	char *at = region_data(&self->region) + 12 * PAGE;

	ATTACH();
	touch(self->region.base, TEXT * PAGE);
	ASSERT_EQ(at, mremap(at, 8 * PAGE, 3 * PAGE, 0));
	EXPECT_EQ(SEGV_MAPERR, fault_of_read(at + 3 * PAGE).code);
	EXPECT_EQ(SEGV_MAPERR, fault_of_read(at + 7 * PAGE).code);
	EXPECT_EQ(0, expected_wrong(&self->expected, 0, TEXT + 15));
	EXPECT_EQ(0, expected_wrong(&self->expected, TEXT + 20, DATA + RODATA - 20));
}

TEST_F(effects, a_sealed_region_cannot_be_detached)
{
	ATTACH();
	if (syscall(462, region_data(&self->region), PAGE, 0))
		SKIP(return, "a kernel without mseal(2): %s", strerror(errno));
	EXPECT_EQ(-EPERM, shared_region_detach(self->region.device));
	EXPECT_EQ(0, expected_all_wrong(&self->expected));
	region_data(&self->region)[0]++;
	EXPECT_EQ(1, expected_all_wrong(&self->expected));
}

TEST_HARNESS_MAIN
