// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "libdyldshim/shared/launch.h"

namespace sharedregion {

// One set, named by the request: attaches to the kernel's region, or opens the cache and maps its text where
// the region lies; then calls the second stage in it. Does not return if the program can start from the set;
// else nothing of the cache stays mapped.
JitReason try_set(LaunchRequest *request);

} // namespace sharedregion
