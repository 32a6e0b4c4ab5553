// SPDX-License-Identifier: GPL-2.0-only
/*
 * Allocations that fail when a test wants it: kernels of distributions have no fault injection.
 *
 * Each allocation of configure and attach asks shreg_may_fail(): while nothing is set, that is one
 * read.
 */
#include <linux/module.h>

#include "region.h"

atomic_t shreg_fail_nth = ATOMIC_INIT(0);
module_param_cb(debug_fail_nth, &param_ops_int, &shreg_fail_nth.counter, 0600);
MODULE_PARM_DESC(debug_fail_nth,
		 "TEST ONLY: the N-th allocation from now on fails (0, then: none); counts down");

/* Is it this one's turn? */
bool shreg_fail_counted(void)
{
	return atomic_dec_if_positive(&shreg_fail_nth) == 0;
}
