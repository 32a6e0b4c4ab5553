// SPDX-License-Identifier: GPL-2.0-or-later
#include "witness.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE	4096UL

int expected_compute(struct expected *expected, const struct region *region)
{
	expected->region = region;
	expected->pages = (region->text_size + region->data_size + region->rodata_size) / PAGE;
	expected->content = malloc(expected->pages * PAGE);
	if (!expected->content)
		return -1;
	for (size_t i = 0; i < expected->pages; i++)
		region_expected_page(region, i, expected->content + i * PAGE);
	return 0;
}

void expected_free(struct expected *expected)
{
	free(expected->content);
	expected->content = NULL;
}

long expected_wrong(const struct expected *expected, size_t first, size_t count)
{
	long wrong = 0;

	for (size_t i = first; i < first + count; i++)
		wrong += !!memcmp(expected->region->base + i * PAGE, expected_page(expected, i), PAGE);
	return wrong;
}

long expected_all_wrong(const struct expected *expected)
{
	return expected_wrong(expected, 0, expected->pages);
}

static long attach_and_compare(const struct expected *expected)
{
	struct shared_region_check check;

	if (shared_region_check(expected->region->device, 0, &check))
		return -1;
	return expected_all_wrong(expected);
}

static void answer_attached(const struct expected *expected, int ask, int answer)
{
	struct shared_region_check check;
	int attached = !shared_region_check(expected->region->device, SHARED_REGION_CHECK_EAGER, &check);
	char byte;

	while (read(ask, &byte, 1) == 1) {
		long wrong = attached ? expected_all_wrong(expected) : -1;

		if (write(answer, &wrong, sizeof(wrong)) != sizeof(wrong))
			break;
	}
}

static void answer_fresh(const struct expected *expected, int ask, int answer)
{
	char byte;

	while (read(ask, &byte, 1) == 1) {
		pid_t pid = fork();

		if (!pid) {
			long wrong = attach_and_compare(expected);

			_exit(write(answer, &wrong, sizeof(wrong)) != sizeof(wrong));
		}
		waitpid(pid, NULL, 0);
	}
}

int witness_start(struct witness *witness, enum witness_kind kind, const struct expected *expected)
{
	int ask[2], answer[2];

	if (pipe(ask) || pipe(answer))
		return -1;
	witness->pid = fork();
	if (!witness->pid) {
		close(ask[1]);
		close(answer[0]);
		(kind == WITNESS_FRESH ? answer_fresh : answer_attached)(expected, ask[0], answer[1]);
		_exit(0);
	}
	close(ask[0]);
	close(answer[1]);
	witness->ask = ask[1];
	witness->answer = answer[0];
	return witness->pid < 0 ? -1 : 0;
}

long witness_wrong(struct witness *witness)
{
	long wrong;

	if (write(witness->ask, "", 1) != 1 || read(witness->answer, &wrong, sizeof(wrong)) != sizeof(wrong))
		return -1;
	return wrong;
}

void witness_stop(struct witness *witness)
{
	close(witness->ask);
	close(witness->answer);
	/* children that were forked since have the pipe as well, so its end alone may not be seen */
	kill(witness->pid, SIGKILL);
	waitpid(witness->pid, NULL, 0);
}
