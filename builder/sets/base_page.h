// SPDX-License-Identifier: GPL-2.0-or-later
// A page of base content in the form of a captured one.
#pragma once

#include "builder/capture/capture.h"

namespace sharedregion {

// `offset` is page-aligned and inside the data of an image.
inline CapturedPage base_page(const BaseContent &base, uint64_t offset) {
    const std::byte *content = base.page(VMOffset(offset));
    CapturedPage page{Space::Region, offset, {content, content + kPageSize}, {}};
    const SlideBits slides = base.slide_bits(VMOffset(offset));
    for (uint16_t word = 0; word < kPageSize / 8; word++)
        if ((slides[word / 64] >> word % 64 & 1) != 0)
            page.slide.push_back(static_cast<uint16_t>(word * 8));
    return page;
}

} // namespace sharedregion
