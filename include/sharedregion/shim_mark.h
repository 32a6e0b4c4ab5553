// SPDX-License-Identifier: GPL-2.0-or-later
// How the shim's copy in a cache knows that it lies in one: the builder fills this in there.
#pragma once

#include <stdint.h>

namespace sharedregion {

inline constexpr char kShimMarkMagic[8] = {'S', 'H', 'R', 'G', 'M', 'A', 'R', 'K'};

// In the shim's read-only data, once.
struct ShimMark {
    char magic[8];          // kShimMarkMagic
    uint64_t region_offset; // of this mark; 0: the shim was loaded by ld.so
    uint64_t region_size;   // bytes of the region
};
static_assert(sizeof(ShimMark) == 24);

} // namespace sharedregion
