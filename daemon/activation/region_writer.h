// SPDX-License-Identifier: GPL-2.0-or-later
// From a verified generation and a base to the bytes of `region` (region_format.h).
#pragma once

#include "daemon/activation/generation.h"
#include "sharedregion/region_format.h"

#include <vector>

namespace sharedregion {

// What goes into a region file.
struct RegionPlan {
    const Generation *generation;
    std::vector<SetView> sets;  // those that are in use
    std::vector<uint64_t> keys; // of each set
    std::string cache_path;     // as a process will open it
    Uuid uuid;
    VMAddress base;
    bool in_kernel;             // the kernel has a region with this UUID and base
    std::string shim_path = {}; // of the sets with the shim; empty: there are none
};

// Writes the whole file at `fd` (empty, or written for another base; open for writing; `path` is for
// messages). Pages of zeros become holes. Errors: those of the writes (ENOSPC above all), a word to slide
// that lies nowhere.
Outcome<uint64_t> write_region(const RegionPlan &plan, int fd, const std::string &path);

} // namespace sharedregion
