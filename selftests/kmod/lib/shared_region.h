/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device from user space: thin calls that fill in sizes. C11 and C++20.
 * Each returns 0 or -errno; `fd` is an open SHARED_REGION_DEVICE.
 */
#ifndef SHARED_REGION_LIB_H
#define SHARED_REGION_LIB_H

#include <linux/shared_region.h>

#ifdef __cplusplus
extern "C" {
#endif

int shared_region_open(void);
int shared_region_check(int fd, __u32 flags, struct shared_region_check *answer);
/* Sizes only: flags, UUID, limit and requests are the caller's. */
int shared_region_check_part(int fd, struct shared_region_check *check);
int shared_region_configure(int fd, struct shared_region_map_and_slide *request);
int shared_region_query(int fd, struct shared_region_query *answer);
/*
 * How many are attached, as soon as it is this number, at last after 5 s; ~0: no answer. A process that has ended is still counted
 * while the kernel looks at its memory (reclaim, for example), and its children end in their own time.
 */
unsigned int shared_region_attached_at_last(int fd, unsigned int wanted);
int shared_region_detach(int fd);
/* `uuid`: only the region that has it; NULL: any. */
int shared_region_retire(int fd, const void *uuid);
int shared_region_interpreter_set(int fd, const char *genuine, const char *replacement);
int shared_region_interpreter_set_until_close(int fd, const char *genuine, const char *replacement);
int shared_region_interpreter_clear(int fd, const char *genuine);
int shared_region_interpreter_query(int fd, const char *genuine, struct shared_region_interpreter *answer);

#ifdef __cplusplus
}
#endif
#endif
