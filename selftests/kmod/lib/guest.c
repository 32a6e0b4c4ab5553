// SPDX-License-Identifier: GPL-2.0-or-later
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/utsname.h>
#include <unistd.h>

#define PAGE	4096UL
#define CGROUPS	"/sys/fs/cgroup/"

int file_put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

long file_number(const char *path, const char *key)
{
	FILE *file = fopen(path, "r");
	char line[512];
	long value = -1;

	while (file && value < 0 && fgets(line, sizeof(line), file))
		if (!strncmp(line, key, strlen(key)))
			value = strtol(line + strlen(key), NULL, 10);
	if (file)
		fclose(file);
	return value;
}

long process_number(pid_t pid, const char *key)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	return file_number(path, key);
}

bool kernel_at_least(int major, int minor)
{
	struct utsname name;
	int have_major, have_minor;

	uname(&name);
	if (sscanf(name.release, "%d.%d", &have_major, &have_minor) != 2)
		return false;
	return have_major > major || (have_major == major && have_minor >= minor);
}

int cgroup_put(const char *name, const char *file, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), CGROUPS "%s/%s", name, file);
	return file_put(path, text);
}

long cgroup_number(const char *name, const char *file, const char *key)
{
	char path[128];

	snprintf(path, sizeof(path), CGROUPS "%s/%s", name, file);
	return file_number(path, key);
}

int cgroup_make(const char *name, const char *memory_max)
{
	char path[128];
	int ret = file_put(CGROUPS "cgroup.subtree_control", "+memory");

	if (ret)
		return ret;
	snprintf(path, sizeof(path), CGROUPS "%s", name);
	if (mkdir(path, 0755) && errno != EEXIST)
		return -errno;
	return cgroup_put(name, "memory.max", memory_max);
}

int cgroup_enter(const char *name)
{
	return cgroup_put(name, "cgroup.procs", "0");
}

int cgroup_remove(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), CGROUPS "%s", name);
	/* killed processes leave it in their own time */
	for (int turn = 0; turn < 100 && rmdir(path); turn++) {
		if (errno != EBUSY)
			return -errno;
		usleep(100000);
	}
	return access(path, F_OK) ? 0 : -EBUSY;
}

bool kernel_counted(const char *key, long before, long at_least)
{
	long now = file_number("/proc/vmstat", key);

	/* without CONFIG_VM_EVENT_COUNTERS, as in the debug kernels, nobody knows */
	return now < 0 || now >= before + at_least;
}

/* What mkswap(8) writes: version 1, one bad-page list of length 0, the magic at the end of the first page. */
static int write_swap_header(const char *device, uint64_t bytes)
{
	uint32_t header[PAGE / 4] = { 0 };
	int fd = open(device, O_WRONLY);
	ssize_t written;

	if (fd < 0)
		return -errno;
	header[256] = 1;
	header[257] = (uint32_t)(bytes / PAGE - 1);
	memcpy((char *)header + PAGE - 10, "SWAPSPACE2", 10);
	written = write(fd, header, PAGE);
	if (fsync(fd) || written != (ssize_t)PAGE)
		written = -1;
	close(fd);
	return written < 0 ? -EIO : 0;
}

int zram_disk(uint64_t bytes)
{
	char size[32];

	if (access("/sys/block/zram0/disksize", W_OK))
		return -ENOENT;
	/* reading this file makes a device */
	if (access("/sys/block/zram1", F_OK) && file_number("/sys/class/zram-control/hot_add", "") != 1)
		return -ENODEV;
	if (file_number("/sys/block/zram1/disksize", "") > 0)
		return 0;
	snprintf(size, sizeof(size), "%llu", (unsigned long long)bytes);
	return file_put("/sys/block/zram1/disksize", size);
}

int swap_on_zram(uint64_t bytes)
{
	char size[32];
	int ret = 0;

	if (file_number("/proc/swaps", "/dev/zram0") >= 0)
		return 0;
	if (access("/sys/block/zram0/disksize", W_OK))
		return -ENOENT;
	if (!file_number("/sys/block/zram0/disksize", "")) {
		snprintf(size, sizeof(size), "%llu", (unsigned long long)bytes);
		ret = file_put("/sys/block/zram0/disksize", size);
	}
	if (!ret)
		ret = write_swap_header("/dev/zram0", (uint64_t)file_number("/sys/block/zram0/disksize", ""));
	if (ret)
		return ret;
	return swapon("/dev/zram0", 0) ? -errno : 0;
}

int swap_off(void)
{
	return swapoff("/dev/zram0") ? -errno : 0;
}
