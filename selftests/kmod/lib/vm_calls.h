/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The system calls about memory as a table: what each is expected to give on pages of the region that the process
 * has not written (plain), and on such that it has (copied). A result is what the call returns, or -errno.
 */
#ifndef SHREG_VM_CALLS_H
#define SHREG_VM_CALLS_H

#include <stddef.h>

struct vm_place {
	char *from;
	size_t size;
};

struct vm_call {
	const char *name;	/* NULL ends a table */
	long (*run)(struct vm_place *place, long argument);
	long argument;
	long plain, copied;
	/* _FAST: before 6.12 it reads from a leaf of 2 MiB, by GUP-fast, and then gives what `copied` says */
	enum { ANY, BEFORE_6_12, FROM_6_12, ANY_FAST, BEFORE_6_12_FAST } kernel;
};

const struct vm_call *vm_calls_madvise(void);
const struct vm_call *vm_calls_madvise_fork(void);
const struct vm_call *vm_calls_process_madvise(void);
const struct vm_call *vm_calls_lock(void);
const struct vm_call *vm_calls_numa(void);
const struct vm_call *vm_calls_mapping(void);
const struct vm_call *vm_calls_copy(void);
const struct vm_call *vm_calls_copy_into(void);
const struct vm_call *vm_calls_futex(void);
const struct vm_call *vm_calls_proc(void);
const struct vm_call *vm_calls_register(void);

#endif
