// SPDX-License-Identifier: GPL-2.0-or-later
#include "shared_region.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int call(int fd, unsigned long command, void *argument)
{
	return ioctl(fd, command, argument) ? -errno : 0;
}

int shared_region_open(void)
{
	int fd = open(SHARED_REGION_DEVICE, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int shared_region_check(int fd, __u32 flags, struct shared_region_check *answer)
{
	memset(answer, 0, sizeof(*answer));
	answer->size = sizeof(*answer);
	answer->flags = flags;
	return call(fd, SHARED_REGION_CHECK, answer);
}

int shared_region_check_part(int fd, struct shared_region_check *check)
{
	check->size = sizeof(*check);
	return call(fd, SHARED_REGION_CHECK, check);
}

int shared_region_configure(int fd, struct shared_region_map_and_slide *request)
{
	request->size = sizeof(*request);
	request->mapping_size = sizeof(struct shared_region_mapping);
	return call(fd, SHARED_REGION_MAP_AND_SLIDE, request);
}

int shared_region_query(int fd, struct shared_region_query *answer)
{
	memset(answer, 0, sizeof(*answer));
	answer->size = sizeof(*answer);
	return call(fd, SHARED_REGION_QUERY, answer);
}

unsigned int shared_region_attached_at_last(int fd, unsigned int wanted)
{
	struct shared_region_query query;

	for (int turn = 0; turn < 2500; turn++) {
		if (shared_region_query(fd, &query))
			return ~0U;
		if (query.attached == wanted)
			break;
		usleep(2000);
	}
	return query.attached;
}

int shared_region_detach(int fd)
{
	struct shared_region_detach detach = { .size = sizeof(detach) };

	return call(fd, SHARED_REGION_DETACH, &detach);
}

int shared_region_retire(int fd, const void *uuid)
{
	struct shared_region_retire retire = { .size = sizeof(retire) };

	if (uuid) {
		retire.flags = SHARED_REGION_RETIRE_UUID;
		memcpy(retire.uuid, uuid, sizeof(retire.uuid));
	}
	return call(fd, SHARED_REGION_RETIRE, &retire);
}

static void name_interpreter(struct shared_region_interpreter *argument, const char *genuine)
{
	memset(argument, 0, sizeof(*argument));
	argument->size = sizeof(*argument);
	argument->genuine = (__u64)(unsigned long)genuine;
}

int shared_region_interpreter_set(int fd, const char *genuine, const char *replacement)
{
	struct shared_region_interpreter argument;

	name_interpreter(&argument, genuine);
	argument.replacement = (__u64)(unsigned long)replacement;
	return call(fd, SHARED_REGION_INTERPRETER_SET, &argument);
}

int shared_region_interpreter_set_until_close(int fd, const char *genuine, const char *replacement)
{
	struct shared_region_interpreter argument;

	name_interpreter(&argument, genuine);
	argument.flags = SHARED_REGION_INTERPRETER_UNTIL_CLOSE;
	argument.replacement = (__u64)(unsigned long)replacement;
	return call(fd, SHARED_REGION_INTERPRETER_SET, &argument);
}

int shared_region_interpreter_clear(int fd, const char *genuine)
{
	struct shared_region_interpreter argument;

	name_interpreter(&argument, genuine);
	return call(fd, SHARED_REGION_INTERPRETER_CLEAR, &argument);
}

int shared_region_interpreter_query(int fd, const char *genuine, struct shared_region_interpreter *answer)
{
	name_interpreter(answer, genuine);
	return call(fd, SHARED_REGION_INTERPRETER_QUERY, answer);
}
