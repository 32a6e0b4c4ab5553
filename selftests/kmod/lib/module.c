// SPDX-License-Identifier: GPL-2.0-or-later
#include "module.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int module_load(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int ret = fd < 0 || syscall(SYS_finit_module, fd, "destroy_delay=0", 0) ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return ret;
}

int module_unload(void)
{
	return syscall(SYS_delete_module, "shared_region", O_NONBLOCK) ? -errno : 0;
}

int module_unload_soon(void)
{
	int turn, ret = -EAGAIN;

	for (turn = 0; turn < 500 && ret == -EAGAIN; turn++) {
		ret = module_unload();
		if (ret == -EAGAIN)
			usleep(10000);
	}
	return ret;
}

int log_begin(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	lseek(fd, 0, SEEK_END);
	return fd;
}

bool log_has(int fd, const char *text)
{
	char line[2048];
	bool found = false;
	ssize_t length;

	while ((length = read(fd, line, sizeof(line) - 1)) > 0) {
		line[length] = 0;
		found |= strstr(line, text) != NULL;
	}
	return found;
}

int write_string(const char *path, const char *string)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret = fd < 0 || write(fd, string, strlen(string)) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return ret;
}
