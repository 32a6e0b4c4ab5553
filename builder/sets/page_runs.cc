// SPDX-License-Identifier: GPL-2.0-or-later
#include "builder/sets/page_runs.h"

#include <cstring>

namespace sharedregion {

namespace {

bool equals_base(const CapturedPage &page, const BaseContent &base) {
    const std::byte *content = base.page(VMOffset(page.offset));
    if (content == nullptr || std::memcmp(content, page.content.data(), kPageSize) != 0)
        return false;
    SlideBits slide = {};
    for (uint16_t at : page.slide)
        slide[at / 8 / 64] |= 1ULL << at / 8 % 64;
    return slide == base.slide_bits(VMOffset(page.offset));
}

PageOpKind kind_of(const PageRun &run) {
    size_t enough = run.space == Space::Region ? kMapRegionPages : kMapProgramPages;
    bool map = run.space != Space::Loader && run.pages.size() >= enough;
    return map ? PageOpKind::Map : PageOpKind::Copy;
}

} // namespace

std::vector<PageRun> page_runs(const ProgramCapture &capture, VMOffset heap_offset, const BaseContent &base) {
    std::vector<PageRun> runs;
    PageRun heap = {Space::Region, PageOpKind::Map, heap_offset.raw(), {}};
    heap.pages.resize(capture.heap_used.raw() / kPageSize);
    for (const CapturedPage &page : capture.pages) {
        const bool in_region = page.space == Space::Region;
        if (in_region && page.offset >= heap_offset.raw()) {
            if (uint64_t index = (page.offset - heap_offset.raw()) / kPageSize; index < heap.pages.size())
                heap.pages[index] = &page;
            continue;
        }
        if (in_region && equals_base(page, base))
            continue;
        bool follows = !runs.empty() && runs.back().space == page.space &&
                       runs.back().offset + runs.back().pages.size() * kPageSize == page.offset;
        if (!follows)
            runs.push_back(PageRun{page.space, PageOpKind::Copy, page.offset, {}});
        runs.back().pages.push_back(&page);
    }
    for (PageRun &run : runs)
        run.kind = kind_of(run);
    if (!heap.pages.empty())
        runs.push_back(std::move(heap));
    return runs;
}

} // namespace sharedregion
