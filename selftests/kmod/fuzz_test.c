// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Group 11: random sequences of system calls by attached processes with several threads, for a bounded time. Whatever
 * they do to themselves: others see the region as it was configured, nobody stays attached, the kernel says nothing.
 *
 * Replay: FUZZ_SEED=N FUZZ_SECONDS=N in the environment or among the kernel's parameters (run --append). Threads make
 * no two runs the same, but the calls of each thread are.
 */
#include "lib/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/mempolicy.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"

#define PAGE		4096UL
#define MB		(1UL << 20)
#define SLOT		(2 * MB)
#define ON_REQUEST	(SLOT + 16 * PAGE)	/* in the text */
#define ON_REQUEST_PAGES	48
#define THREADS		3
#define SECONDS		15
#define WORKER_MS	250

/* ---- random numbers: splitmix64, one state for each thread ---- */

static uint64_t next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static long below(uint64_t *state, long limit)
{
	return (long)(next(state) % (uint64_t)limit);
}

/* ---- a worker: an attached process whose threads call and call ---- */

struct worker {
	const struct region *region;
	atomic_long *calls;	/* shared with the judge */
	int device, file, self_mem;
	char *scratch;		/* SLOT bytes outside of the region */
	struct timespec end;
};

struct thread {
	struct worker *worker;
	uint64_t random;
	int depth;		/* 0: no child of a child forks again */
};

static __thread sigjmp_buf after_fault;
static __thread volatile int guarded;

static void on_fault(int number)
{
	if (!guarded)
		_exit(100 + number);
	siglongjmp(after_fault, 1);
}

/* A range in the region, sometimes beyond its ends: around one page, around a slot's edge, or many pages. */
static char *some_range(struct thread *t, size_t *size)
{
	const struct region *region = t->worker->region;
	long pages = (long)(region->size / PAGE), page = below(&t->random, pages), count;

	switch (below(&t->random, 6)) {
	case 0:
		page = below(&t->random, pages / 512 + 1) * 512 - below(&t->random, 4);
		count = 1 + below(&t->random, 8);
		break;
	case 1:
		page = below(&t->random, pages / 512) * 512;
		count = 512;
		break;
	case 2:
		page = 0;
		count = pages;
		break;
	case 3:
		count = 1 + below(&t->random, 600);
		break;
	default:
		count = 1 + below(&t->random, 4);
		break;
	}
	if (page + count > pages + 2)
		count = pages + 2 - page;
	*size = (size_t)count * PAGE;
	return region->base + page * (long)PAGE;
}

static void touch_it(struct thread *t, char *at, size_t size)
{
	size_t step = PAGE * (1 + below(&t->random, 40));
	int write = below(&t->random, 2);

	guarded = 1;
	if (!sigsetjmp(after_fault, 1)) {
		for (size_t i = 0; i < size; i += step) {
			if (write)
				*(volatile char *)(at + i) = (char)i;
			else
				(void)*(volatile char *)(at + i);
		}
	}
	guarded = 0;
}

static int some_prot(struct thread *t)
{
	static const int prots[] = { PROT_READ, PROT_READ | PROT_WRITE, PROT_NONE, PROT_READ | PROT_EXEC };

	return prots[below(&t->random, 4)];
}

static void op_touch(struct thread *t, char *at, size_t size)
{
	touch_it(t, at, size);
}

static void op_map_over(struct thread *t, char *at, size_t size)
{
	int flags = MAP_FIXED | (below(&t->random, 8) ? MAP_PRIVATE : MAP_SHARED);

	if (below(&t->random, 2))
		mmap(at, size, some_prot(t), flags | MAP_ANONYMOUS | (below(&t->random, 4) ? 0 : MAP_POPULATE), -1, 0);
	else
		mmap(at, size, PROT_READ, flags, t->worker->file, 0);
}

static void op_munmap(struct thread *t, char *at, size_t size)
{
	(void)t;
	munmap(at, size);
}

static void op_mprotect(struct thread *t, char *at, size_t size)
{
	if (below(&t->random, 4))
		mprotect(at, size, some_prot(t));
	else
		syscall(SYS_pkey_mprotect, at, size, some_prot(t), below(&t->random, 3) - 1);
}

static void op_madvise(struct thread *t, char *at, size_t size)
{
	int advice = (int)below(&t->random, 27);

	/* those that take memory away for good, seldom and little */
	if (!below(&t->random, 200)) {
		advice = 100 + (int)below(&t->random, 2);
		size = PAGE;
	}
	madvise(at, size, advice);
}

static void op_mremap(struct thread *t, char *at, size_t size)
{
	char *scratch = t->worker->scratch;
	size_t other = PAGE * (1 + below(&t->random, 64));

	switch (below(&t->random, 4)) {
	case 0:
		mremap(at, size, other, 0);
		break;
	case 1:
		mremap(at, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, scratch + below(&t->random, 64) * PAGE);
		break;
	case 2: /* a foreign mapping into the region */
		mremap(scratch, other, other, MREMAP_MAYMOVE | MREMAP_FIXED | (below(&t->random, 2) ? 4 : 0), at);
		mmap(scratch, SLOT, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		break;
	default:
		mremap(at, 0, size, MREMAP_MAYMOVE);
		break;
	}
}

static void op_lock(struct thread *t, char *at, size_t size)
{
	switch (below(&t->random, 5)) {
	case 0:
		mlock(at, size);
		break;
	case 1:
		mlock2(at, size, MLOCK_ONFAULT);
		break;
	case 2:
		mlockall((int)below(&t->random, 8));
		break;
	case 3:
		munlockall();
		break;
	default:
		munlock(at, size);
		break;
	}
}

static void op_read_and_write(struct thread *t, char *at, size_t size)
{
	struct iovec iov = { at, size > 64 * PAGE ? 64 * PAGE : size };
	int pipes[2];

	switch (below(&t->random, 6)) {
	case 0:
		pread(t->worker->file, at, iov.iov_len, 0);
		break;
	case 1:
		pwrite(t->worker->file, at, iov.iov_len, 0);
		break;
	case 2:
		getrandom(at, size % 5000, 0);
		break;
	case 3:
		pwrite(t->worker->self_mem, "fuzz", 4, (off_t)at + below(&t->random, PAGE));
		break;
	case 4:
		pread(t->worker->self_mem, t->worker->scratch, iov.iov_len, (off_t)at);
		break;
	default:
		if (pipe2(pipes, O_NONBLOCK))
			break;
		vmsplice(pipes[1], &iov, 1, SPLICE_F_NONBLOCK | (below(&t->random, 2) ? SPLICE_F_GIFT : 0));
		splice(pipes[0], NULL, t->worker->file, NULL, PAGE, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
		close(pipes[0]);
		close(pipes[1]);
		break;
	}
}

static void op_process_vm(struct thread *t, char *at, size_t size)
{
	struct iovec there = { at, size > 16 * PAGE ? 16 * PAGE : size };
	struct iovec here = { t->worker->scratch, there.iov_len };

	if (below(&t->random, 2))
		process_vm_readv(getpid(), &here, 1, &there, 1, 0);
	else
		process_vm_writev(getpid(), &here, 1, &there, 1, 0);
}

static void op_detach(struct thread *t, char *at, size_t size)
{
	(void)at;
	(void)size;
	shared_region_detach(t->worker->device);
}

static void op_check(struct thread *t, char *at, size_t size)
{
	struct shared_region_check check;

	if (!below(&t->random, 3))
		munmap(at, size);
	shared_region_check(t->worker->device, (uint32_t)below(&t->random, 4), &check);
}

/* A part of the region; most of the pieces that are asked for are possible. */
static void op_check_part(struct thread *t, char *at, size_t size)
{
	struct shared_region_request requests[3];
	struct shared_region_check check = {
		.flags = (uint32_t)below(&t->random, 2) * SHARED_REGION_CHECK_EAGER |
			 (uint32_t)below(&t->random, 2) * SHARED_REGION_CHECK_SPARSE,
		.limit = (uint64_t)below(&t->random, 5) * SLOT,
		.requests = (uint64_t)requests,
		.request_count = (uint32_t)below(&t->random, 4),
	};
	long page = ON_REQUEST / (long)PAGE;

	for (int i = 0; i < 3; i++) {
		page += below(&t->random, 8);
		requests[i].page = (uint32_t)page;
		requests[i].count = (uint32_t)(1 + below(&t->random, 10));
		page += requests[i].count;
	}
	if (below(&t->random, 3))
		shared_region_detach(t->worker->device);
	if (!below(&t->random, 3))
		munmap(at, size);
	shared_region_check_part(t->worker->device, &check);
}

static void op_userfaultfd(struct thread *t, char *at, size_t size)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register registration = { .range = { (uint64_t)at, size }, .mode = 1 + below(&t->random, 3) };
	struct uffdio_zeropage zero = { .range = { (uint64_t)at, PAGE } };
	int fd = (int)syscall(SYS_userfaultfd, O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return;
	ioctl(fd, UFFDIO_API, &api);
	ioctl(fd, UFFDIO_REGISTER, &registration);
	ioctl(fd, UFFDIO_ZEROPAGE, &zero);
	if (below(&t->random, 2))
		ioctl(fd, UFFDIO_UNREGISTER, &registration.range);
	close(fd); /* wakes whoever faulted meanwhile */
}

static void op_proc(struct thread *t, char *at, size_t size)
{
	static const char *const files[] = { "/proc/self/smaps", "/proc/self/maps", "/proc/self/numa_maps",
					     "/proc/self/smaps_rollup", "/proc/self/pagemap" };
	long which = below(&t->random, 6);
	char buffer[4096], text[4];
	int fd;

	if (which == 5) {
		fd = open("/proc/self/clear_refs", O_WRONLY);
		snprintf(text, sizeof(text), "%ld", 1 + below(&t->random, 5));
		if (write(fd, text, 1) < 0)
			errno = 0;
		close(fd);
		return;
	}
	fd = open(files[which], O_RDONLY);
	if (which == 4)
		pread(fd, buffer, sizeof(buffer), (off_t)((uintptr_t)at / PAGE * 8));
	while (which != 4 && read(fd, buffer, sizeof(buffer)) > 0)
		;
	close(fd);
	(void)size;
}

static void op_place(struct thread *t, char *at, size_t size)
{
	unsigned long nodes = 1;
	unsigned char present[1024];
	void *pages[4] = { at, at + PAGE, at + 2 * PAGE, at + 3 * PAGE };
	int status[4], wanted[4] = { 0 };

	switch (below(&t->random, 6)) {
	case 0:
		syscall(SYS_mbind, at, size, MPOL_BIND, &nodes, 8, MPOL_MF_MOVE | (below(&t->random, 2) ? MPOL_MF_STRICT : 0));
		break;
	case 1:
		syscall(SYS_move_pages, 0, 4, pages, below(&t->random, 2) ? wanted : NULL, status, MPOL_MF_MOVE);
		break;
	case 2:
		mincore(at, size > SLOT ? SLOT : size, present);
		break;
	case 3:
		msync(at, size, below(&t->random, 2) ? MS_SYNC : MS_ASYNC | MS_INVALIDATE);
		break;
	case 4:
		syscall(SYS_remap_file_pages, at, size, 0, below(&t->random, 16), 0);
		break;
	default:
		prctl(PR_SET_VMA, 0, at, size, "fuzz");
		break;
	}
}

static void op_futex(struct thread *t, char *at, size_t size)
{
	struct timespec wait = { 0, 100000 };

	(void)size;
	at += below(&t->random, PAGE / 4) * 4;
	if (below(&t->random, 2))
		syscall(SYS_futex, at, FUTEX_WAKE, 1, NULL, NULL, 0);
	else
		syscall(SYS_futex, at, FUTEX_WAIT, 0, &wait, NULL, 0);
}

static void op_seal(struct thread *t, char *at, size_t size)
{
	if (!below(&t->random, 10))
		syscall(462, at, size, 0); /* mseal(), 6.10 */
}

static void run_ops(struct thread *t, long count);

static void op_fork(struct thread *t, char *at, size_t size)
{
	static const char *const nothing[] = { "/bin/busybox", "true", NULL };
	pid_t pid;

	if (!t->depth)
		return;
	switch (below(&t->random, 4)) {
	case 0:
		pid = vfork();
		if (!pid) {
			execv(nothing[0], (char *const *)nothing);
			_exit(1);
		}
		break;
	default:
		pid = fork();
		if (!pid) {
			t->depth--;
			touch_it(t, at, size);
			run_ops(t, below(&t->random, 40));
			_exit(0);
		}
		break;
	}
	if (pid > 0 && below(&t->random, 2))
		waitpid(pid, NULL, 0);
}

static void op_ptrace(struct thread *t, char *at, size_t size)
{
	pid_t pid;
	int status;

	if (!t->depth)
		return;
	pid = fork();
	if (!pid) {
		t->depth = 0;
		ptrace(PTRACE_TRACEME);
		raise(SIGSTOP);
		touch_it(t, at, size);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status))
		return;
	for (int i = 0; i < 8; i++) {
		char *where = at + (size_t)below(&t->random, (long)(size / 8)) * 8;

		if (below(&t->random, 2))
			ptrace(PTRACE_POKEDATA, pid, where, 0x66757a7aUL);
		else
			ptrace(PTRACE_PEEKDATA, pid, where, 0);
	}
	if (below(&t->random, 2))
		ptrace(PTRACE_CONT, pid, 0, 0);
	else
		kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static const struct {
	void (*op)(struct thread *t, char *at, size_t size);
	int weight;
} ops[] = {
	{ op_touch, 20 },	{ op_map_over, 6 },	{ op_munmap, 6 },	{ op_mprotect, 8 },
	{ op_madvise, 14 },	{ op_mremap, 5 },	{ op_lock, 4 },		{ op_read_and_write, 8 },
	{ op_process_vm, 4 },	{ op_detach, 4 },	{ op_check, 12 },	{ op_userfaultfd, 2 },
	{ op_check_part, 8 },
	{ op_proc, 3 },		{ op_place, 6 },	{ op_futex, 3 },	{ op_seal, 1 },
	{ op_fork, 5 },		{ op_ptrace, 3 },
};

static bool is_over(const struct worker *worker)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec > worker->end.tv_sec ||
	       (now.tv_sec == worker->end.tv_sec && now.tv_nsec > worker->end.tv_nsec);
}

static void run_ops(struct thread *t, long count)
{
	long total = 0, pick;
	size_t size, i;

	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		total += ops[i].weight;
	while (count-- && !is_over(t->worker)) {
		char *at = some_range(t, &size);

		pick = below(&t->random, total);
		for (i = 0; pick >= ops[i].weight; i++)
			pick -= ops[i].weight;
		ops[i].op(t, at, size);
		atomic_fetch_add(t->worker->calls, 1);
	}
}

static void *run_thread(void *data)
{
	run_ops(data, -1);
	return NULL;
}

/* Exit code 0, or 100 + signal if a call did something to the worker itself. */
static void run_worker(const struct region *region, uint64_t seed, atomic_long *calls)
{
	struct worker worker = { .region = region, .calls = calls };
	struct sigaction action = { .sa_handler = on_fault };
	struct shared_region_check check;
	struct thread threads[THREADS];
	pthread_t ids[THREADS];

	setpgid(0, 0);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	clock_gettime(CLOCK_MONOTONIC, &worker.end);
	worker.end.tv_nsec += WORKER_MS * 1000000;
	worker.end.tv_sec += worker.end.tv_nsec / 1000000000;
	worker.end.tv_nsec %= 1000000000;
	worker.device = shared_region_open();
	worker.file = open("/tmp/fuzz_file", O_RDWR | O_CREAT, 0600);
	worker.self_mem = open("/proc/self/mem", O_RDWR);
	worker.scratch = mmap(NULL, SLOT, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (ftruncate(worker.file, SLOT) || shared_region_check(worker.device, (uint32_t)(seed & 1), &check))
		_exit(1);
	for (int i = 0; i < THREADS; i++) {
		threads[i] = (struct thread){ .worker = &worker, .random = seed + (uint64_t)i, .depth = 2 };
		pthread_create(&ids[i], NULL, run_thread, &threads[i]);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(ids[i], NULL);
	_exit(0);
}

/* ---- the judge ---- */

FIXTURE(fuzz)
{
	struct region region;
	uint64_t seed;
	long seconds;
	atomic_long *calls;
};

FIXTURE_SETUP(fuzz)
{
	const char *seed = getenv("FUZZ_SEED"), *seconds = getenv("FUZZ_SECONDS");

	if (getrandom(&self->seed, sizeof(self->seed), 0) != sizeof(self->seed))
		self->seed = (uint64_t)time(NULL);
	self->seed = seed ? strtoull(seed, NULL, 0) : self->seed >> 32;
	self->seconds = seconds ? atol(seconds) : SECONDS;
	self->calls = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->calls);
	/* two slots of text, one of data, one with the rest and a filler */
	region_describe(&self->region, 2 * SLOT, SLOT + MB / 2, MB);
	region_put_on_request(&self->region, ON_REQUEST, ON_REQUEST_PAGES * PAGE, "on request");
	ASSERT_EQ(0, region_configure(&self->region));
	/* what the workers leave behind comes to us */
	ASSERT_EQ(0, prctl(PR_SET_CHILD_SUBREAPER, 1));
}

FIXTURE_TEARDOWN(fuzz)
{
	region_close(&self->region);
}

static long attached(const struct region *region)
{
	struct shared_region_query query;

	return shared_region_query(region->device, &query) ? -1 : (long)query.attached;
}

static bool nobody_is_attached(const struct region *region)
{
	for (int i = 0; i < 1000; i++) {
		if (!attached(region))
			return true;
		usleep(2000);
	}
	return false;
}

static int look_at_all(void *data)
{
	const struct region *region = data;
	struct shared_region_check check;
	size_t pages = (region->text_size + region->data_size + region->rodata_size) / PAGE;

	if (shared_region_check(region->device, 0, &check) || check.base != (uint64_t)region->base)
		return 1;
	return region_wrong_pages(region, 0, pages) ? 2 : 0;
}

/* One worker's life; it ends by itself, or is killed in the middle of something. */
static int one_worker(const struct region *region, uint64_t seed, atomic_long *calls)
{
	bool murder = seed % 3 == 0;
	int status = 0;
	pid_t pid = fork();

	if (!pid)
		run_worker(region, seed, calls);
	if (murder)
		usleep((useconds_t)(seed / 3 % (WORKER_MS * 1000)));
	else if (waitpid(pid, &status, 0) != pid)
		return -1;
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
	return status;
}

TEST_F_TIMEOUT(fuzz, random_calls_of_attached_processes_harm_nobody_else, 600)
{
	uint64_t random = self->seed;
	time_t end = time(NULL) + self->seconds;
	struct shared_region_query query;
	int workers = 0, bad = 0;

	TH_LOG("FUZZ_SEED=%lu FUZZ_SECONDS=%ld", self->seed, self->seconds);
	for (; time(NULL) < end; workers++) {
		uint64_t seed = next(&random);
		int status = one_worker(&self->region, seed, self->calls);

		if (status && !(WIFEXITED(status) && WEXITSTATUS(status) > 100)) {
			TH_LOG("worker %d (seed %#lx): status %#x", workers, seed, status);
			bad++;
		}
		ASSERT_TRUE(nobody_is_attached(&self->region))
			TH_LOG("worker %d (seed %#lx): %ld are attached", workers, seed, attached(&self->region));
		if (workers % 8 == 0)
			ASSERT_EQ(0, in_child(look_at_all, &self->region))
				TH_LOG("worker %d (seed %#lx) did harm", workers, seed);
	}
	EXPECT_EQ(0, bad);
	EXPECT_EQ(0, in_child(look_at_all, &self->region));
	EXPECT_EQ(0, shared_region_query(self->region.device, &query));
	TH_LOG("%d workers, %ld calls, %llu nests, %llu unnests, %llu flushes", workers, atomic_load(self->calls),
	       query.nested, query.unnested, query.flushes);
	/* the region was in use, and it was attacked */
	EXPECT_LT(100, atomic_load(self->calls));
	EXPECT_LT(0, query.unnested);
	EXPECT_LT(0, query.flushes);
}

TEST_HARNESS_MAIN
