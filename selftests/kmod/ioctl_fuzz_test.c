// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Group 11: random ioctls: known and unknown commands, structures with valid and random fields and sizes, bad pointers,
 * structures that end where memory ends; as root and as a user without rights. Every answer is one that the header
 * documents, and afterwards nothing is left.
 *
 * Replay: FUZZ_SEED=N in the environment or among the kernel's parameters (run --append).
 */
#include "lib/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#define PAGE	4096UL
#define MB	(1UL << 20)
#define SLOT	(2 * MB)
#define CALLS	6000

static uint64_t next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

struct fuzzer {
	uint64_t random;
	int device;
	int fds[8];
	char *edge;			/* the next page is not there */
	struct region region;		/* a valid request */
	struct shared_region_mapping mappings[8];
	struct shared_region_request requests[4];
};

static long below(struct fuzzer *f, long limit)
{
	return (long)(next(&f->random) % (uint64_t)limit);
}

static bool seldom(struct fuzzer *f)
{
	return !below(f, 8);
}

/* Mostly `good`, else something that tests borders. */
static uint64_t some(struct fuzzer *f, uint64_t good)
{
	const uint64_t odd[] = { 0, 1, 7, PAGE, PAGE - 1, ~0ULL, 1ULL << 63, 1ULL << 32, good + 1, good - 1,
				 0xffffffff80000000ULL, (uint64_t)f->edge, (uint64_t)f->edge + PAGE, next(&f->random) };

	return seldom(f) ? odd[below(f, sizeof(odd) / sizeof(odd[0]))] : good;
}

/* Sizes that a valid request would really fill: a few MiB, or impossible. */
static uint64_t some_size(struct fuzzer *f, uint64_t good)
{
	uint64_t size = some(f, good);

	return size > 64 * MB && size <= SHARED_REGION_MAX_SIZE ? good : size;
}

static void fill_mapping(struct fuzzer *f, struct shared_region_mapping *map)
{
	*map = f->region.mappings[below(f, 4)];
	map->fd = seldom(f) ? f->fds[below(f, 8)] : f->fds[0];
	map->prot = (uint32_t)some(f, map->prot);
	map->flags = (uint32_t)some(f, map->flags);
	map->reserved = (uint32_t)some(f, 0);
	map->file_offset = some(f, map->file_offset);
	map->region_offset = some(f, map->region_offset);
	map->length = some_size(f, map->length);
	map->slide = some(f, map->slide);
	map->slide_count = some(f, map->slide_count);
}

static void fill_map_and_slide(struct fuzzer *f, struct shared_region_map_and_slide *map)
{
	*map = f->region.request;
	map->size = sizeof(*map);
	map->mapping_count = (uint32_t)(1 + below(f, 8));
	for (uint32_t i = 0; i < map->mapping_count; i++)
		fill_mapping(f, &f->mappings[i]);
	map->mapping_count = (uint32_t)some(f, map->mapping_count);
	map->mappings = some(f, (uint64_t)f->mappings);
	map->mapping_size = (uint32_t)some(f, sizeof(f->mappings[0]));
	map->region_size = some_size(f, f->region.size);
	map->flags = (uint32_t)some(f, (uint64_t)below(f, 4) << 1);
	map->base = some(f, 0);
}

/* Mostly pages that the fourth mapping puts on request. */
static void fill_check(struct fuzzer *f, struct shared_region_check *check)
{
	bool valid = below(f, 2);

	*check = (struct shared_region_check){
		.size = sizeof(*check),
		.flags = (uint32_t)below(f, 16) & ~SHARED_REGION_CHECK_WAIT,
		.limit = (uint64_t)below(f, 2) * SLOT,
		.request_count = (uint32_t)below(f, 4),
		.requests = (uint64_t)f->requests,
	};
	for (uint32_t i = 0; i < 4; i++)
		f->requests[i] = (struct shared_region_request){ .page = 4 + 2 * i, .count = 1 + i % 2 };
	memcpy(check->uuid, f->region.request.uuid, sizeof(check->uuid));
	if (valid)
		return;
	check->flags = (uint32_t)some(f, check->flags);
	check->limit = some(f, check->limit);
	check->request_count = (uint32_t)some(f, check->request_count);
	check->requests = some(f, check->requests);
	check->reserved = (uint32_t)some(f, 0);
	check->uuid[0] ^= (unsigned char)below(f, 2);
	f->requests[below(f, 4)].page = (uint32_t)some(f, 5);
	f->requests[below(f, 4)].count = (uint32_t)some(f, 3);
}

static void fill_retire(struct fuzzer *f, struct shared_region_retire *retire)
{
	*retire = (struct shared_region_retire){ .size = sizeof(*retire), .flags = (uint32_t)some(f, (uint64_t)below(f, 2)) };
	if (!seldom(f))
		memcpy(retire->uuid, f->region.request.uuid, sizeof(retire->uuid));
}

static const char *some_path(struct fuzzer *f)
{
	static char too_long[300];
	const char *const paths[] = { "/tmp/fuzz_ld", "/tmp/fuzz_ld", "/tmp/fuzz_replacement", "/bin/busybox", "/tmp",
				      "relative", "", "/tmp/none", "/dev/null", "/tmp/fuzz_ld/below", too_long };

	memset(too_long, '/', sizeof(too_long) - 1);
	return paths[below(f, sizeof(paths) / sizeof(paths[0]))];
}

static void fill_interpreter(struct fuzzer *f, struct shared_region_interpreter *pair, bool set)
{
	memset(pair, 0, sizeof(*pair));
	pair->size = sizeof(*pair);
	pair->genuine = some(f, (uint64_t)some_path(f));
	pair->replacement = set ? some(f, (uint64_t)some_path(f)) : some(f, 0);
	pair->flags = (uint32_t)some(f, (uint64_t)below(f, 2));
	pair->reserved = (uint32_t)some(f, 0);
}

union argument {
	uint32_t size;
	struct shared_region_check check;
	struct shared_region_map_and_slide map_and_slide;
	struct shared_region_query query;
	struct shared_region_detach detach;
	struct shared_region_retire retire;
	struct shared_region_interpreter interpreter;
	char bytes[512];
};

static size_t fill(struct fuzzer *f, unsigned long command, union argument *arg)
{
	memset(arg, 0, sizeof(*arg));
	switch (command) {
	case SHARED_REGION_CHECK:
		fill_check(f, &arg->check);
		return sizeof(arg->check);
	case SHARED_REGION_MAP_AND_SLIDE:
		fill_map_and_slide(f, &arg->map_and_slide);
		return sizeof(arg->map_and_slide);
	case SHARED_REGION_QUERY:
		arg->query = (struct shared_region_query){ .size = sizeof(arg->query), .flags = (uint32_t)some(f, 0) };
		return sizeof(arg->query);
	case SHARED_REGION_DETACH:
		arg->detach = (struct shared_region_detach){ .size = sizeof(arg->detach), .flags = (uint32_t)some(f, 0) };
		return sizeof(arg->detach);
	case SHARED_REGION_RETIRE:
		fill_retire(f, &arg->retire);
		return sizeof(arg->retire);
	default:
		fill_interpreter(f, &arg->interpreter, command == SHARED_REGION_INTERPRETER_SET);
		return sizeof(arg->interpreter);
	}
}

/* What the header documents for each command. */
static bool is_documented(unsigned long command, int error)
{
	switch (error) {
	case 0: case EINVAL: case E2BIG: case EFAULT: case ENOMEM: case EINTR:
		return true;
	case ENOTTY:
		return command > SHARED_REGION_RETIRE || command < SHARED_REGION_CHECK;
	case EEXIST:
		return command != SHARED_REGION_QUERY && command != SHARED_REGION_DETACH;
	case EPERM:
		return command != SHARED_REGION_CHECK && command != SHARED_REGION_QUERY;
	case EAGAIN:
		return command == SHARED_REGION_CHECK;
	case EBUSY:
		return command == SHARED_REGION_CHECK;
	case ESTALE:
		return command == SHARED_REGION_CHECK || command == SHARED_REGION_RETIRE ||
		       command == SHARED_REGION_MAP_AND_SLIDE;
	case EBADF: case EBADMSG: case ETXTBSY:
		return command == SHARED_REGION_MAP_AND_SLIDE;
	case EACCES:
		return command == SHARED_REGION_MAP_AND_SLIDE || command == SHARED_REGION_INTERPRETER_SET;
	case ENOENT:
		return command >= SHARED_REGION_DETACH;
	case ENAMETOOLONG: case EOPNOTSUPP: case ENOTDIR: case ELOOP:
		return command >= SHARED_REGION_INTERPRETER_SET;
	}
	return false;
}

/* At the end of a page that nothing follows, so that a size that is too large, or a pointer too far, faults. */
static void *place(struct fuzzer *f, const union argument *arg, size_t size)
{
	char *at = f->edge + PAGE - size;

	memcpy(at, arg, size);
	switch (below(f, 20)) {
	case 0:
		return NULL;
	case 1:
		return at + 4;
	case 2:
		return (void *)0xffff888000000000UL;
	case 3:
		return f->edge + PAGE;
	case 4:
		return memset(f->edge, 0, PAGE);
	case 5:
		*(uint32_t *)at = (uint32_t)some(f, size + 8);
		return at;
	default:
		return at;
	}
}

static int run_calls(struct fuzzer *f, bool privileged, long *successes)
{
	for (int i = 0; i < CALLS; i++) {
		unsigned long command = SHARED_REGION_CHECK + (unsigned long)below(f, 8);
		union argument arg;
		size_t size;
		int error;

		if (seldom(f) && seldom(f))
			command = next(&f->random) & 0xffffffff;
		size = fill(f, command, &arg);
		if (seldom(f))
			arg.size = (uint32_t)some(f, arg.size);
		if (seldom(f))
			for (int n = 0; n < 3; n++)
				arg.bytes[below(f, (long)size)] ^= (char)(1 << below(f, 8));
		error = ioctl(f->device, command, place(f, &arg, size)) ? errno : 0;
		if (!is_documented(command, error))
			return printf("# call %d: command %#lx: %s\n", i, command, strerror(error)), 20;
		if (!error && !privileged &&
		    (command == SHARED_REGION_MAP_AND_SLIDE || command >= SHARED_REGION_INTERPRETER_SET))
			return printf("# call %d: command %#lx was allowed\n", i, command), 21;
		if (!error)
			successes[command - SHARED_REGION_CHECK]++;
		/* regions and pairs come and go */
		if (!below(f, 40)) {
			shared_region_detach(f->device);
			close(f->device);
			f->device = shared_region_open();
			if (privileged)
				shared_region_configure(f->device, &f->region.request);
		}
	}
	return 0;
}

static void make_file(const char *path, int mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);

	if (write(fd, "#!", 2) != 2)
		perror(path);
	fchmod(fd, (mode_t)mode);
	close(fd);
}

static void prepare(struct fuzzer *f)
{
	int pipes[2];

	region_describe(&f->region, 16 * PAGE, 8 * PAGE, 4 * PAGE);
	region_put_on_request(&f->region, 4 * PAGE, 8 * PAGE, NULL);
	region_configure(&f->region); /* makes the file */
	close(f->region.device);
	f->region.device = -1;
	make_file("/tmp/fuzz_ld", 0755);
	make_file("/tmp/fuzz_replacement", 0755);
	if (pipe(pipes))
		perror("pipe");
	f->fds[0] = open("/tmp/shared_region_content", O_RDONLY);
	for (int i = 0; i < 4; i++)
		f->region.mappings[i].fd = f->fds[0];
	f->fds[1] = pipes[0];
	f->fds[2] = open("/tmp", O_RDONLY);
	f->fds[3] = memfd_create("fuzz", 0);
	f->fds[4] = open("/dev/zero", O_RDONLY);
	f->fds[5] = open("/proc/version", O_RDONLY);
	f->fds[6] = open("/sys/kernel/notes", O_RDONLY);
	f->fds[7] = -1;
	f->device = shared_region_open();
	f->edge = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(f->edge + PAGE, PAGE);
}

FIXTURE(random_ioctls)
{
	uint64_t seed;
	long *successes;
	struct fuzzer fuzzer;
};

FIXTURE_SETUP(random_ioctls)
{
	const char *seed = getenv("FUZZ_SEED");

	if (getrandom(&self->seed, sizeof(self->seed), 0) != sizeof(self->seed))
		self->seed = 1;
	self->seed = seed ? strtoull(seed, NULL, 0) : self->seed >> 32;
	self->successes = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	self->fuzzer.random = self->seed;
	prepare(&self->fuzzer);
	TH_LOG("FUZZ_SEED=%lu", self->seed);
}

FIXTURE_TEARDOWN(random_ioctls)
{
	shared_region_interpreter_clear(self->fuzzer.device, "/tmp/fuzz_ld");
	close(self->fuzzer.device);
}

static int as_root(void *data)
{
	struct _test_data_random_ioctls *self = data;

	return run_calls(&self->fuzzer, true, self->successes);
}

static int as_nobody(void *data)
{
	struct _test_data_random_ioctls *self = data;

	if (setgid(65534) || setuid(65534))
		return 30;
	return run_calls(&self->fuzzer, false, self->successes);
}

static bool nothing_is_left(int device)
{
	struct shared_region_query query;

	for (int i = 0; i < 500; i++) {
		if (!shared_region_query(device, &query) && query.state == SHARED_REGION_STATE_NONE)
			return true;
		usleep(2000);
	}
	return false;
}

TEST_F_TIMEOUT(random_ioctls, of_root_get_documented_answers, 100)
{
	int device;

	EXPECT_EQ(0, in_child(as_root, self));
	for (int i = 0; i < 8; i++) {
		TH_LOG("command %d: %ld successes", i, self->successes[i]);
		EXPECT_LT(0, self->successes[i]);
	}
	close(self->fuzzer.device);
	device = self->fuzzer.device = shared_region_open();
	shared_region_retire(device, NULL);	/* one that is kept */
	for (int i = 0; i < 2; i++) {
		static const char *const names[] = { "/tmp/fuzz_ld", "/tmp/fuzz_replacement" };

		shared_region_interpreter_clear(device, names[i]);
	}
	EXPECT_TRUE(nothing_is_left(device));
}

TEST_F_TIMEOUT(random_ioctls, of_a_user_without_rights_configure_nothing, 100)
{
	EXPECT_EQ(0, in_child(as_nobody, self));
	EXPECT_LT(0, self->successes[2]);
	EXPECT_TRUE(nothing_is_left(self->fuzzer.device));
}

/* Review's finding: kvmalloc() warned, and the hash went on for seconds. */
TEST_F(random_ioctls, a_slide_list_as_long_as_the_largest_region_is_e2big)
{
	struct region *region = &self->fuzzer.region;

	region->mappings[1].length = SHARED_REGION_MAX_SIZE - region->mappings[1].region_offset;
	region->mappings[1].slide_count = region->mappings[1].length / 8;
	region->mappings[1].fd = -1;
	region->mappings[1].file_offset = 0;
	region->mappings[1].flags |= SHARED_REGION_MAPPING_ZERO;
	region->request.mapping_count = 1;
	region->request.mappings = (uint64_t)&region->mappings[1];
	region->request.region_size = SHARED_REGION_MAX_SIZE;
	EXPECT_EQ(-E2BIG, shared_region_configure(self->fuzzer.device, &region->request));
}

TEST_HARNESS_MAIN
