// SPDX-License-Identifier: GPL-2.0-or-later
#include "builder/sets/page_runs.h"

#include "builder/sets/base_page.h"

#include <algorithm>
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

// Over the executable the kernel's own mappings stay, so that /proc/PID/maps names its file.
PageOpKind kind_of(const PageRun &run) {
    bool map = run.space == Space::Region && run.pages.size() >= kMapRegionPages;
    return map ? PageOpKind::Map : PageOpKind::Copy;
}

bool by_place(const CapturedPage *a, const CapturedPage *b) {
    return a->space != b->space ? a->space < b->space : a->offset < b->offset;
}

} // namespace

PageRuns::PageRuns(const ProgramCapture &capture, const CacheLayout &layout, const BaseContent &base)
    : heap_begin_(layout.heap_offset.raw()), heap_end_(heap_begin_ + capture.heap_used.raw()) {
    std::vector<const CapturedPage *> pages = differing(capture, base);
    complete_data(capture, layout, base, &pages);
    add_pages(pages);
    for (PageRun &run : runs_)
        run.kind = kind_of(run);
    add_heap(capture);
}

bool PageRuns::map_all(uint64_t offset, uint64_t size) const {
    return std::any_of(runs_.begin(), runs_.end(), [&](const PageRun &run) {
        return run.space == Space::Region && run.kind == PageOpKind::Map && run.offset <= offset &&
               run.end() >= offset + size;
    });
}

bool PageRuns::in_heap(const CapturedPage &page) const {
    return page.space == Space::Region && page.offset >= heap_begin_ && page.offset < heap_end_;
}

// All but those of the heap.
std::vector<const CapturedPage *> PageRuns::differing(const ProgramCapture &capture,
                                                      const BaseContent &base) const {
    std::vector<const CapturedPage *> pages;
    for (const CapturedPage &page : capture.pages)
        if (page.space != Space::Region || (!in_heap(page) && !equals_base(page, base)))
            pages.push_back(&page);
    return pages;
}

void PageRuns::complete_data(const ProgramCapture &capture, const CacheLayout &layout,
                             const BaseContent &base, std::vector<const CapturedPage *> *pages) {
    const std::vector<const CapturedPage *> given = *pages;
    auto is_before = [](const CapturedPage *page, uint64_t offset) {
        return page->space == Space::Region && page->offset < offset;
    };
    for (uint32_t image : capture.images)
        for (const SetDataMap &map : layout.images[image].maps) {
            auto first = std::lower_bound(given.begin(), given.end(), map.offset, is_before);
            auto last = std::lower_bound(first, given.end(), map.offset + map.size, is_before);
            const auto count = static_cast<uint64_t>(last - first), all = map.size / kPageSize;
            const bool worth_it = all >= kMapRegionPages && count * 2 >= all;
            if (map.anon_size != 0 || (!worth_it && image != layout.loader))
                continue;
            for (uint64_t at = map.offset; at < map.offset + map.size; at += kPageSize)
                if (first != last && (*first)->offset == at)
                    ++first;
                else
                    pages->push_back(&completed_.emplace_back(base_page(base, at)));
        }
    std::sort(pages->begin(), pages->end(), by_place);
}

void PageRuns::add_pages(const std::vector<const CapturedPage *> &pages) {
    for (const CapturedPage *page : pages) {
        bool follows =
            !runs_.empty() && runs_.back().space == page->space && runs_.back().end() == page->offset;
        if (!follows)
            runs_.push_back(PageRun{page->space, PageOpKind::Copy, page->offset, {}});
        runs_.back().pages.push_back(page);
    }
}

// Data may end where the heap begins: then one mapping serves both.
void PageRuns::add_heap(const ProgramCapture &capture) {
    const uint64_t count = (heap_end_ - heap_begin_) / kPageSize;
    if (count == 0)
        return;
    auto before = std::find_if(runs_.begin(), runs_.end(), [&](const PageRun &run) {
        return run.space == Space::Region && run.kind == PageOpKind::Map && run.end() == heap_begin_;
    });
    PageRun &run = before != runs_.end()
                       ? *before
                       : runs_.emplace_back(PageRun{Space::Region, PageOpKind::Map, heap_begin_, {}});
    const size_t first = run.pages.size();
    run.pages.resize(first + count);
    for (const CapturedPage &page : capture.pages)
        if (in_heap(page))
            run.pages[first + (page.offset - heap_begin_) / kPageSize] = &page;
}

} // namespace sharedregion
