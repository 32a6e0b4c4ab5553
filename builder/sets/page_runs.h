// SPDX-License-Identifier: GPL-2.0-or-later
// Captured pages grouped into page operations.
#pragma once

#include "builder/capture/capture.h"

namespace sharedregion {

// Consecutive pages of one space that a start handles by one operation.
struct PageRun {
    Space space;
    PageOpKind kind;
    uint64_t offset;                         // of the first page
    std::vector<const CapturedPage *> pages; // nullptr: a page of zeros (heap)
};

// A mapping costs about as much as copying one page, and one more mapping for the kernel to keep.
inline constexpr size_t kMapRegionPages = 4;
// Over the executable a mapping also changes what /proc/PID/maps names.
inline constexpr size_t kMapProgramPages = 8;

// All pages of the capture that still differ from `base`, in order. The heap is one run, with the
// zero pages in it, so that it takes one mapping.
std::vector<PageRun> page_runs(const ProgramCapture &capture, VMOffset heap_offset, const BaseContent &base);

} // namespace sharedregion
