// SPDX-License-Identifier: GPL-2.0-or-later
#include "tenant.h"

#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"

#define PAGE	4096UL
#define MARK	512	/* where in the page, in 8-byte words: in its second half, as the first word slides */

static size_t first_data(const struct expected *expected)
{
	return expected->region->text_size / PAGE;
}

static size_t data_pages(const struct expected *expected)
{
	return expected->region->data_size / PAGE;
}

static uint64_t mark_of(size_t page, int writes)
{
	return writes ? page * 1000003 + (uint64_t)writes : 0;
}

void tenant_page(const struct expected *expected, size_t page, int writes, void *to)
{
	uint64_t *words = to;

	memcpy(to, expected_page(expected, first_data(expected) + page), PAGE);
	if (writes)
		words[MARK / 2] = mark_of(page, writes);
}

static long compare(const struct expected *expected, int writes, size_t from)
{
	size_t end = first_data(expected) + data_pages(expected);
	long wrong = expected_wrong(expected, 0, first_data(expected)) +
		     expected_wrong(expected, end, expected->pages - end);

	for (size_t i = from; i < data_pages(expected); i++) {
		char page[PAGE];

		tenant_page(expected, i, writes, page);
		wrong += !!memcmp(region_data(expected->region) + i * PAGE, page, PAGE);
	}
	return wrong;
}

static void write_marks(const struct expected *expected, int writes, size_t from)
{
	for (size_t i = from; i < data_pages(expected); i++)
		((volatile uint64_t *)(region_data(expected->region) + i * PAGE))[MARK / 2] = mark_of(i, writes);
}

struct state {
	const struct expected *expected;
	int writes;
	size_t from;	/* pages before it are unmapped */
};

static int child(void *data)
{
	struct state *state = data;

	if (compare(state->expected, state->writes, state->from))
		return 1;
	write_marks(state->expected, state->writes + 77, state->from);
	return compare(state->expected, state->writes + 77, state->from) ? 2 : 0;
}

static long obey(struct state *state, char order)
{
	const struct region *region = state->expected->region;
	struct shared_region_check check;
	int ret;

	switch (order) {
	case TENANT_WRITE:
		write_marks(state->expected, ++state->writes, state->from);
		return 0;
	case TENANT_FORK:
		ret = in_child(child, state);
		return ret ? 1000 + ret : compare(state->expected, state->writes, state->from);
	case TENANT_DETACH:
		return shared_region_detach(region->device);
	case TENANT_ATTACH:
		state->writes = 0;
		state->from = 0;
		return shared_region_check(region->device, 0, &check);
	case TENANT_UNMAP:
		state->from = data_pages(state->expected) / 2;
		return munmap(region_data(region), state->from * PAGE);
	default:
		return compare(state->expected, state->writes, state->from);
	}
}

static void serve(const struct expected *expected, const char *group, int ask, int answer)
{
	struct state state = { .expected = expected };
	struct shared_region_check check;
	long result = -2;
	char order;

	if ((group && cgroup_enter(group)) || shared_region_check(expected->region->device, 0, &check))
		_exit(1);
	result = obey(&state, TENANT_WRITE);
	while (write(answer, &result, sizeof(result)) == sizeof(result) && read(ask, &order, 1) == 1)
		result = obey(&state, order);
	_exit(0);
}

static long answer_of(struct tenant *tenant)
{
	long result;

	return read(tenant->answer, &result, sizeof(result)) == sizeof(result) ? result : -1;
}

int tenant_start(struct tenant *tenant, const struct expected *expected, const char *group)
{
	int ask[2], answer[2];

	if (pipe(ask) || pipe(answer))
		return -1;
	tenant->pid = fork();
	if (!tenant->pid) {
		signal(SIGPIPE, SIG_DFL);
		close(ask[1]);
		close(answer[0]);
		serve(expected, group, ask[0], answer[1]);
	}
	close(ask[0]);
	close(answer[1]);
	tenant->ask = ask[1];
	tenant->answer = answer[0];
	return answer_of(tenant) ? -1 : 0;
}

long tenant_do(struct tenant *tenant, enum tenant_order order)
{
	char byte = (char)order;

	signal(SIGPIPE, SIG_IGN);
	return write(tenant->ask, &byte, 1) == 1 ? answer_of(tenant) : -1;
}

void tenant_stop(struct tenant *tenant)
{
	close(tenant->ask);
	close(tenant->answer);
	kill(tenant->pid, SIGKILL);
	waitpid(tenant->pid, NULL, 0);
}
