// SPDX-License-Identifier: GPL-2.0-or-later
#include "builder/phases/slot_layout.h"

#include <algorithm>

namespace sharedregion {

uint64_t SlotLayout::base_with_data_at_slot(const ImageShape &image, uint64_t from) {
    return align_up(align_up(from + image.text, kLargePageSize) - image.text, image.alignment);
}

// Data begin at a slot's start; or text does, where only little of it would lie in one more slot.
uint64_t SlotLayout::large_base(const ImageShape &image, uint64_t from) {
    uint64_t spill = image.text % kLargePageSize;
    bool text_first = image.text > kLargePageSize && spill <= kSpill;
    if (text_first || image.alignment >= kLargePageSize)
        return align_up(from, std::max(kLargePageSize, image.alignment));
    return base_with_data_at_slot(image, from);
}

// Puts the image behind everything else and leaves a gap for small ones behind it.
VMOffset SlotLayout::take(const ImageShape &image, uint64_t base) {
    uint64_t image_end = base + image.size;
    end_ = align_up(image_end, kLargePageSize);
    bool ends_with_data = image.text != image.size;
    if (end_ != image_end && (ends_with_data || !is_large(image)))
        gaps_.push_back(Gap{image_end, end_});
    return VMOffset(base);
}

VMOffset SlotLayout::place(const ImageShape &image) {
    if (is_large(image))
        return take(image, large_base(image, end_));
    for (Gap &gap : gaps_) {
        uint64_t base = align_up(gap.begin, image.alignment);
        if (base + image.size <= gap.end) {
            gap.begin = base + image.size;
            return VMOffset(base);
        }
    }
    return take(image, align_up(end_, image.alignment));
}

} // namespace sharedregion
