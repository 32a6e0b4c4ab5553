// SPDX-License-Identifier: GPL-2.0-or-later
// Captured pages grouped into page operations.
#pragma once

#include "builder/sets/sets.h"

#include <deque>

namespace sharedregion {

// Consecutive pages of one space that a start handles by one operation.
struct PageRun {
    Space space;
    PageOpKind kind;
    uint64_t offset;                         // of the first page
    std::vector<const CapturedPage *> pages; // nullptr: a page of zeros (heap)
    uint64_t end() const { return offset + pages.size() * kPageSize; }
};

// A mapping costs about as much as copying one page, and one more mapping for the kernel to keep.
inline constexpr size_t kMapRegionPages = 4;

// What one program needs besides the base content.
class PageRuns {
  public:
    // All pages of the capture that still differ from `base`, in order. Data of ld.so, and any of which at
    // least half differs, is one run with its other pages in it, so that it takes one mapping instead of a
    // mapping and copies; the heap is one run, with its zero pages in it.
    PageRuns(const ProgramCapture &capture, const CacheLayout &layout, const BaseContent &base);

    const std::vector<PageRun> &runs() const { return runs_; }
    // Whether one mapping brings all of [offset, offset + size).
    bool map_all(uint64_t offset, uint64_t size) const;

  private:
    std::vector<const CapturedPage *> differing(const ProgramCapture &capture, const BaseContent &base) const;
    void complete_data(const ProgramCapture &capture, const CacheLayout &layout, const BaseContent &base,
                       std::vector<const CapturedPage *> *pages);
    void add_pages(const std::vector<const CapturedPage *> &pages);
    void add_heap(const ProgramCapture &capture);
    bool in_heap(const CapturedPage &page) const;

    uint64_t heap_begin_, heap_end_;     // used part
    std::deque<CapturedPage> completed_; // pages of base content, in runs
    std::vector<PageRun> runs_;
};

} // namespace sharedregion
