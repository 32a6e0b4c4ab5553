// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Group 9, two memory nodes: balancing, policies and migration over processes with copies of the region's data.
 */
#include "lib/guest.h"
#include "lib/tenant.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"

#define PAGE	4096UL
#define MB	(1UL << 20)
#define SLOT	(2 * MB)
#define DATA	(3 * MB)
#define TENANTS	3

FIXTURE(numa)
{
	struct region region;
	struct expected expected;
	struct witness attached, fresh;
	struct tenant tenants[TENANTS];
	struct shared_region_check check;
};

FIXTURE_SETUP(numa)
{
	if (access("/sys/devices/system/node/node1", F_OK))
		SKIP(return, "this machine or kernel has one memory node");
	region_describe(&self->region, SLOT - 5 * PAGE, DATA, MB / 4);
	ASSERT_EQ(0, region_configure(&self->region));
	ASSERT_EQ(0, expected_compute(&self->expected, &self->region));
	ASSERT_EQ(0, witness_start(&self->attached, WITNESS_ATTACHED, &self->expected));
	ASSERT_EQ(0, witness_start(&self->fresh, WITNESS_FRESH, &self->expected));
	for (int i = 0; i < TENANTS; i++)
		ASSERT_EQ(0, tenant_start(&self->tenants[i], &self->expected, NULL));
	ASSERT_EQ(0, shared_region_check(self->region.device, 0, &self->check));
}

FIXTURE_TEARDOWN(numa)
{
	for (int i = 0; i < TENANTS; i++) {
		EXPECT_EQ(0, tenant_do(&self->tenants[i], TENANT_FORK));
		EXPECT_EQ(0, tenant_do(&self->tenants[i], TENANT_COMPARE));
		tenant_stop(&self->tenants[i]);
	}
	EXPECT_EQ(0, witness_wrong(&self->attached));
	EXPECT_EQ(0, witness_wrong(&self->fresh));
	witness_stop(&self->attached);
	witness_stop(&self->fresh);
	EXPECT_EQ(0, shared_region_detach(self->region.device));
	EXPECT_EQ(0, shared_region_attached_at_last(self->region.device, 0));
	expected_free(&self->expected);
	region_close(&self->region);
}

static int node_of(const void *at)
{
	int node = -1;

	return syscall(SYS_get_mempolicy, &node, NULL, 0, at, MPOL_F_ADDR | MPOL_F_NODE) ? -errno : node;
}

TEST_F(numa, a_policy_says_where_copies_go)
{
	char *data = region_data(&self->region);
	unsigned long node;
	long wrong = 0;

	for (node = 0; node < 2; node++) {
		unsigned long mask = 1UL << node;
		char *from = data + node * MB;

		ASSERT_EQ(0, syscall(SYS_mbind, from, MB, MPOL_BIND, &mask, 8, 0));
		for (size_t i = 0; i < MB; i += PAGE) {
			from[i + 100] = (char)~from[i + 100];
			wrong += node_of(from + i) != (int)node;
		}
	}
	EXPECT_EQ(0, wrong);
	EXPECT_EQ(2 * (long)(MB / PAGE), expected_all_wrong(&self->expected));
}

TEST_F(numa, copies_do_not_migrate_and_are_not_harmed_when_asked_to)
{
	unsigned long nodes[] = { 1, 2 };

	for (int turn = 0; turn < 6; turn++) {
		for (int i = 0; i < TENANTS; i++) {
			ASSERT_LE(0, syscall(SYS_migrate_pages, self->tenants[i].pid, 8, &nodes[turn % 2],
					     &nodes[(turn + 1) % 2]));
			EXPECT_EQ(0, tenant_do(&self->tenants[i], turn % 3 ? TENANT_COMPARE : TENANT_WRITE));
		}
	}
}

/* ---- balancing ---- */

struct runner {
	const struct expected *expected;
	char *anonymous;
	atomic_int *stop;
	int cpu;
	atomic_long wrong, turns;
};

/* Goes from one processor to the other; what it reads and writes was first touched by somebody else. */
static void *run_about(void *data)
{
	struct runner *runner = data;
	size_t text = runner->expected->region->text_size / PAGE;

	while (!atomic_load(runner->stop)) {
		cpu_set_t cpus;

		CPU_ZERO(&cpus);
		CPU_SET(++runner->cpu % 2, &cpus);
		sched_setaffinity(0, sizeof(cpus), &cpus);
		for (size_t i = 0; i < 8 * MB; i += PAGE)
			runner->anonymous[i]++;
		atomic_fetch_add(&runner->wrong, expected_wrong(runner->expected, 0, text));
		for (size_t i = 0; i < DATA; i += PAGE)
			((volatile char *)region_data(runner->expected->region))[i + 3000] = 'x';
		atomic_fetch_add(&runner->turns, 1);
	}
	return NULL;
}

SLOW_TEST_F(numa, balancing_leaves_it_alone)
{
	long before = file_number("/proc/vmstat", "numa_pte_updates "), bad = 0;
	struct runner runners[2];
	pthread_t threads[2];
	atomic_int stop = 0;
	time_t end = time(NULL) + 6;

	if (access("/proc/sys/kernel/numa_balancing", W_OK))
		SKIP(return, "a kernel without NUMA balancing");
	EXPECT_EQ(0, file_put("/proc/sys/kernel/numa_balancing", "1"));
	EXPECT_EQ(0, file_put("/sys/kernel/debug/sched/numa_balancing/scan_delay_ms", "1"));
	EXPECT_EQ(0, file_put("/sys/kernel/debug/sched/numa_balancing/scan_period_min_ms", "5"));
	EXPECT_EQ(0, file_put("/sys/kernel/debug/sched/numa_balancing/scan_period_max_ms", "20"));
	for (int i = 0; i < 2; i++) {
		runners[i] = (struct runner){ .expected = &self->expected, .stop = &stop, .cpu = i };
		runners[i].anonymous = mmap(NULL, 8 * MB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		memset(runners[i].anonymous, 1, 8 * MB);
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, run_about, &runners[i]));
	}
	for (int turn = 0; time(NULL) < end; turn++)
		bad += tenant_do(&self->tenants[turn % TENANTS], turn % 2 ? TENANT_COMPARE : TENANT_FORK) != 0;
	atomic_store(&stop, 1);
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		EXPECT_EQ(0, atomic_load(&runners[i].wrong));
		EXPECT_LT(0, atomic_load(&runners[i].turns));
	}
	EXPECT_EQ(0, bad);
	TH_LOG("%ld entries prepared for hints, %ld faults", file_number("/proc/vmstat", "numa_pte_updates ") - before,
	       file_number("/proc/vmstat", "numa_hint_faults "));
	EXPECT_TRUE(kernel_counted("numa_pte_updates ", before, 1));
}

TEST_HARNESS_MAIN
