// SPDX-License-Identifier: GPL-2.0-or-later
/* Group 11: allocations that the kernel's fault injection makes fail. */
#define FAILURES_BY_THE_KERNEL
#include "failure_test.c"
