// SPDX-License-Identifier: GPL-2.0-or-later
#include "builder/capture/difference.h"

#include "sharedregion/units.h"

#include <algorithm>
#include <cstring>

namespace sharedregion {

namespace {

constexpr std::byte kZeroPage[kPageSize] = {};

// What will be mapped at a page: its bytes and which of its words activation slides.
struct MappedPage {
    const std::byte *content = kZeroPage;
    SlideBits slide = {};
};

MappedPage mapped_page(const Area &area, uint64_t offset, const BaseContent &base) {
    MappedPage page;
    if (area.content != nullptr && offset < area.file_span)
        page.content = area.content->data() + offset;
    if (area.image == nullptr)
        return page;
    const VMOffset place(area.begin + offset);
    if (const std::byte *content = base.page(place)) {
        page.content = content;
        page.slide = base.slide_bits(place);
    }
    return page;
}

CapturedPage make_page(const AreaModel &area, uint64_t offset, const uint64_t *slide) {
    CapturedPage page{area.area.space, area.area.begin + offset, {}, {}};
    const std::byte *content = area.content.data() + offset;
    page.content.assign(content, content + kPageSize);
    for (unsigned word = 0; word < kPageSize / 8; word++)
        if ((slide[word / 64] >> word % 64 & 1) != 0)
            page.slide.push_back(static_cast<uint16_t>(word * 8));
    return page;
}

} // namespace

std::vector<CapturedPage> differing_pages(const Model &model, const BaseContent &base) {
    std::vector<CapturedPage> pages;
    for (const AreaModel &area : model.areas)
        area.pages.for_each_run(1, [&](uint64_t page, uint64_t) {
            const uint64_t offset = page * kPageSize;
            MappedPage mapped = mapped_page(area.area, offset, base);
            const uint64_t *slide = area.region_bits.words(offset / 64);
            if (std::memcmp(area.content.data() + offset, mapped.content, kPageSize) != 0 ||
                std::memcmp(slide, mapped.slide.data(), sizeof mapped.slide) != 0)
                pages.push_back(make_page(area, offset, slide));
        });
    return pages;
}

FixupWords fixup_words(const Model &model) {
    FixupWords fixups;
    for (const AreaModel &area : model.areas)
        for (const SparseWord &word : area.sparse)
            if (!is_dont_care(word.kind))
                fixups[{area.area.space, class_of(word.kind)}].push_back(area.area.begin + word.offset);
    return fixups;
}

} // namespace sharedregion
