// SPDX-License-Identifier: GPL-2.0-or-later
// What ld.so tells the kernel about the main thread, done again.
#pragma once

#include "libdyldshim/stage2/start.h"

namespace sharedregion {

// set_tid_address, FS base, set_robust_list and rseq with the arguments as captured; stores the thread id.
// False: FS base could not be set, and nothing can run.
bool restore_kernel_state(const Start &start);

} // namespace sharedregion
