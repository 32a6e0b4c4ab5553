// SPDX-License-Identifier: GPL-2.0-or-later
// Words that differ from process to process: addresses of executable, stack and vDSO, random
// bytes, limits. (The region's own words were slid at activation.)
#pragma once

#include "libdyldshim/stage2/start.h"

namespace sharedregion {

// Adds each class's value to its words; ThreadId is left to set_thread_id().
void apply_fixups(const Start &start);

// Stores the thread id, which set_tid_address(2) tells.
void set_thread_id(const Start &start, uint32_t thread_id);

} // namespace sharedregion
