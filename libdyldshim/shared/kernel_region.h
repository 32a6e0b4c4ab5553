// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "libdyldshim/shared/launch.h"
#include "sharedregion/units.h"

namespace sharedregion {

// Bytes that the region takes in the kernel: whole slots. (A process that keeps any of them stays attached,
// and cannot attach for another set.)
inline uint64_t kernel_size(const RegionHeader &region) {
    return align_up(region.region_size, kLargePageSize);
}

// Attaches to the region in the kernel if the region file says that there is one, and the set allows it.
// True: the set's text and data are mapped, cache_fd is -1. False: nothing is mapped; the cache's file will
// do as well.
bool attach_kernel_region(LaunchRequest *request);

// Takes away what the kernel module puts over the region's range when it executes a substituted program
// (kmod/placeholder.c), and only that; false: something else is there.
bool drop_placeholder(const RegionHeader &region);

} // namespace sharedregion
