// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Group 2: what one process writes no other sees: A, B, a fresh process, a child and a grandchild, at the same time;
 * and many threads that write the same slots lose nothing.
 */
#include "lib/witness.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#define PAGE	4096UL
#define MB	(1UL << 20)
#define SLOT	(2 * MB)
#define DATA	(3 * SLOT)
#define PAGES	(DATA / PAGE)

FIXTURE(isolation)
{
	struct region region;
	struct expected expected;
	struct witness attached, fresh;
	struct shared_region_check check;
};

FIXTURE_SETUP(isolation)
{
	/* half a slot of text: the first slot of data is shared by both, the last one with fillers */
	region_describe(&self->region, MB, DATA, MB / 2);
	ASSERT_EQ(0, region_configure(&self->region));
	ASSERT_EQ(0, expected_compute(&self->expected, &self->region));
	ASSERT_EQ(0, witness_start(&self->attached, WITNESS_ATTACHED, &self->expected));
	ASSERT_EQ(0, witness_start(&self->fresh, WITNESS_FRESH, &self->expected));
}

FIXTURE_TEARDOWN(isolation)
{
	witness_stop(&self->attached);
	witness_stop(&self->fresh);
	expected_free(&self->expected);
	region_close(&self->region);
}

#define EXPECT_OTHERS_SEE_NOTHING()				\
	do {							\
		EXPECT_EQ(0, witness_wrong(&self->attached));	\
		EXPECT_EQ(0, witness_wrong(&self->fresh));	\
	} while (0)

/* Every page of data gets the writer's letter in its own byte. */
static void write_letter(const struct region *region, char letter)
{
	for (size_t i = 0; i < PAGES; i++)
		((volatile char *)region_data(region))[i * PAGE + 100 + (unsigned char)letter % 64] = letter;
}

/* Number of pages that are not the configured ones with exactly these letters. */
static long pages_without(const struct expected *expected, const char *letters)
{
	const struct region *region = expected->region;
	size_t first = region->text_size / PAGE;
	long wrong = 0;

	for (size_t i = 0; i < PAGES; i++) {
		char page[PAGE];

		memcpy(page, expected_page(expected, first + i), PAGE);
		for (const char *letter = letters; *letter; letter++)
			page[100 + (unsigned char)*letter % 64] = *letter;
		wrong += !!memcmp(region_data(region) + i * PAGE, page, PAGE);
	}
	return wrong;
}

/* ---- processes ---- */

struct party {
	struct expected *expected;
	int ready, go;		/* pipes: all have written; now compare */
	char letter;
};

static void join_in(struct party *party)
{
	struct shared_region_check check;
	char byte;

	if (shared_region_check(party->expected->region->device, 0, &check))
		_exit(2);
	write_letter(party->expected->region, party->letter);
	if (write(party->ready, "", 1) != 1 || read(party->go, &byte, 1) != 1)
		_exit(3);
	_exit(!!pages_without(party->expected, (char[]){ party->letter, 0 }));
}

SLOW_TEST_F(isolation, processes_that_attach_each_for_itself_see_their_own_writes_only)
{
	int ready[2], go[2], i, status;
	char bytes[4];

	ASSERT_EQ(0, pipe(ready));
	ASSERT_EQ(0, pipe(go));
	for (i = 0; i < 4; i++)
		if (!fork())
			join_in(&(struct party){ &self->expected, ready[1], go[0], (char)('a' + i) });
	for (i = 0; i < 4; i++)
		ASSERT_EQ(1, read(ready[0], bytes, 1));
	EXPECT_OTHERS_SEE_NOTHING();
	ASSERT_EQ(4, write(go[1], bytes, 4));
	for (i = 0; i < 4; i++) {
		ASSERT_LT(0, wait(&status));
		EXPECT_EQ(0, status);
	}
	EXPECT_OTHERS_SEE_NOTHING();
	TH_LOG("4 processes, %lu pages each", PAGES);
}

static int grandchild(void *data)
{
	struct expected *expected = data;
	long before = pages_without(expected, "pc");

	write_letter(expected->region, 'g');
	return before || pages_without(expected, "pcg");
}

static int child_with_child(void *data)
{
	struct expected *expected = data;
	long before = pages_without(expected, "p");

	write_letter(expected->region, 'c');
	if (before || in_child(grandchild, expected))
		return 1;
	return !!pages_without(expected, "pc");
}

SLOW_TEST_F(isolation, a_child_and_a_grandchild_inherit_and_do_not_leak)
{
	ASSERT_EQ(0, shared_region_check(self->region.device, 0, &self->check));
	write_letter(&self->region, 'p');
	EXPECT_EQ(0, in_child(child_with_child, &self->expected));
	EXPECT_EQ(0, pages_without(&self->expected, "p"));
	EXPECT_OTHERS_SEE_NOTHING();
}

static int grandchild_of_clean(void *data)
{
	struct expected *expected = data;

	write_letter(expected->region, 'g');
	return !!pages_without(expected, "g");
}

static int clean_child(void *data)
{
	struct expected *expected = data;

	return in_child(grandchild_of_clean, expected) || expected_all_wrong(expected);
}

SLOW_TEST_F(isolation, a_grandchild_that_writes_first_writes_for_itself)
{
	ASSERT_EQ(0, shared_region_check(self->region.device, SHARED_REGION_CHECK_EAGER, &self->check));
	EXPECT_EQ(0, in_child(clean_child, &self->expected));
	EXPECT_EQ(0, expected_all_wrong(&self->expected));
	EXPECT_OTHERS_SEE_NOTHING();
}

/* The parent writes while the child lives: its copies are not the child's. */
SLOW_TEST_F(isolation, what_the_parent_writes_after_fork_the_child_does_not_see)
{
	int go[2], status;
	char byte = 0;
	pid_t pid;

	ASSERT_EQ(0, pipe(go));
	ASSERT_EQ(0, shared_region_check(self->region.device, 0, &self->check));
	write_letter(&self->region, 'p');
	pid = fork();
	if (!pid) {
		if (read(go[0], &byte, 1) != 1)
			_exit(2);
		_exit(!!pages_without(&self->expected, "p"));
	}
	write_letter(&self->region, 'q');
	ASSERT_EQ(1, write(go[1], &byte, 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, pages_without(&self->expected, "pq"));
	EXPECT_OTHERS_SEE_NOTHING();
}

/* ---- threads ---- */

#define THREADS	16
#define TURNS	4

struct writer {
	struct region *region;
	unsigned int number;
	pthread_barrier_t *start;
};

/* Each begins in another place, so that all slots are first written by several at once. */
static void *write_everywhere(void *data)
{
	struct writer *writer = data;
	char *at = region_data(writer->region);
	size_t i;

	pthread_barrier_wait(writer->start);
	for (i = 0; i < PAGES; i++) {
		size_t page = (i + writer->number / 2 * 97) % PAGES;

		((volatile char *)at)[page * PAGE + 128 + writer->number] = (char)(writer->number + 1);
	}
	return NULL;
}

static long lost_writes(const struct region *region)
{
	long lost = 0;

	for (size_t i = 0; i < PAGES; i++)
		for (int number = 0; number < THREADS; number++)
			lost += region_data(region)[i * PAGE + 128 + number] != (char)(number + 1);
	return lost;
}

SLOW_TEST_F(isolation, many_threads_that_write_the_same_slots_lose_nothing)
{
	pthread_barrier_t start;
	long lost = 0;
	int turn, i;

	pthread_barrier_init(&start, NULL, THREADS);
	for (turn = 0; turn < TURNS; turn++) {
		struct writer writers[THREADS];
		pthread_t threads[THREADS];

		/* nested already, or by the first of the writers */
		ASSERT_EQ(0, shared_region_check(self->region.device, turn % 2 ? SHARED_REGION_CHECK_EAGER : 0,
						 &self->check));
		for (i = 0; i < THREADS; i++) {
			writers[i] = (struct writer){ &self->region, (unsigned int)i, &start };
			ASSERT_EQ(0, pthread_create(&threads[i], NULL, write_everywhere, &writers[i]));
		}
		for (i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
		lost += lost_writes(&self->region);
		EXPECT_EQ(0, expected_wrong(&self->expected, 0, self->region.text_size / PAGE));
		ASSERT_EQ(0, shared_region_detach(self->region.device));
	}
	EXPECT_EQ(0, lost);
	EXPECT_OTHERS_SEE_NOTHING();
	TH_LOG("%lu writes by %d threads", (unsigned long)TURNS * THREADS * PAGES, THREADS);
}

TEST_HARNESS_MAIN
