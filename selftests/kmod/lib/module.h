/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The module itself: load, unload, what it writes to the kernel's log.
 */
#ifndef SHREG_MODULE_H
#define SHREG_MODULE_H

#include <stdbool.h>

/* 0 or -errno. The path: $MODULE is the one under test. */
int module_load(const char *path);
/* -EAGAIN (EWOULDBLOCK): somebody uses it. */
int module_unload(void);
/* Until nobody uses it; -EAGAIN after five seconds. */
int module_unload_soon(void);

/* From here on; a descriptor. */
int log_begin(void);
/* Whether a line with `text` came since. */
bool log_has(int fd, const char *text);

/* Writes a string into a file such as a module's parameter; 0 or -errno. */
int write_string(const char *path, const char *string);

#define PARAMETERS	"/sys/module/shared_region/parameters/"

#endif
