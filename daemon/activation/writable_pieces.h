// SPDX-License-Identifier: GPL-2.0-or-later
// What a program needs writable of the kernel's region.
#pragma once

#include "sharedregion/region_format.h"
#include "sharedregion/set_view.h"

#include <vector>

namespace sharedregion {

// Whole slots of 2 MiB with ld.so's data and the loader heap: each process maps them itself.
struct OwnArea {
    uint64_t begin, end; // region offsets
    bool contains(uint64_t offset) const { return offset >= begin && offset < end; }
};

// At most one piece for each data map of the set, in rising order. Relro in front of the first page that the
// set writes stays out: it is read-only from the start, and costs neither a mapping nor an mprotect(2).
std::vector<WritablePiece> writable_pieces(const SetView &set, const OwnArea &own);

} // namespace sharedregion
