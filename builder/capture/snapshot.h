// SPDX-License-Identifier: GPL-2.0-or-later
// Reading areas of a stopped process: which pages were touched, and their bytes.
#pragma once

#include "builder/capture/areas.h"
#include "builder/capture/page_buffer.h"

namespace sharedregion {

// Pages (of the area) that may hold something: all of the file part, and of the anonymous part those
// that /proc/PID/pagemap calls present or swapped. The others are zero.
Result<PageSet, Rejection> touched_pages(const Area &area, const StoppedRun &run);

// Reads pages [first, end) of the area. The kernel's own struct rseq is replaced by its initial state.
Result<Success, Rejection> read_area(const Area &area, const StoppedRun &run, uint64_t first, uint64_t end,
                                     std::byte *out);

} // namespace sharedregion
