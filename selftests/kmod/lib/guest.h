/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest as a test needs it: settings in /proc and /sys, control groups, swap on zram. All as root, as PID 1's
 * child: what is changed here ends with the guest.
 */
#ifndef SHREG_GUEST_H
#define SHREG_GUEST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* 0 or -errno. */
int file_put(const char *path, const char *text);
/* The number behind `key` at the beginning of a line (or the first of the file, if key is ""); -1: none. */
long file_number(const char *path, const char *key);
/* The same of /proc/PID/status, such as "VmSwap:". */
long process_number(pid_t pid, const char *key);

/* Is the kernel at least this one? */
bool kernel_at_least(int major, int minor);
/* lockdep or kasan: slow, and without what few tests need. */
bool is_debug_kernel(void);

/* Has a counter of /proc/vmstat gone up by so much? True where the kernel does not count at all. */
bool kernel_counted(const char *key, long before, long at_least);

/* A control group of its own with a limit of memory, in which a child puts itself. 0 or -errno. */
int cgroup_make(const char *name, const char *memory_max);
int cgroup_enter(const char *name);
int cgroup_put(const char *name, const char *file, const char *text);
long cgroup_number(const char *name, const char *file, const char *key);
int cgroup_remove(const char *name);

/* Swap on /dev/zram0, `bytes` large; 0, or -errno: -ENOENT without zram. The size of the first call stays. */
int swap_on_zram(uint64_t bytes);
int swap_off(void);
/* One more zram device to read from and write to, /dev/zram1; 0, or -errno: -ENOENT without zram. */
int zram_disk(uint64_t bytes);

#endif
