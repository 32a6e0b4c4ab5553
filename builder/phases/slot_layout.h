// SPDX-License-Identifier: GPL-2.0-or-later
// Where images lie, so that the kernel can map their text with 2 MiB pages.
//
// A *slot* is a 2 MiB-aligned piece of the region. One large page can map it only if all of it is text: a
// private mapping of data inside forces 4 KiB pages on the whole slot. An ELF image keeps its distance
// between text and data, so large images get slots of their own for text, and what is left of the slot that
// their data lie in is filled with small images. docs/decisions/0009.
#pragma once

#include "sharedregion/units.h"

#include <vector>

namespace sharedregion {

// An image as the layout sees it: text in [0, text), data in [text, size).
struct ImageShape {
    uint64_t text;      // bytes before the first data page; == size: no data
    uint64_t size;      // page-aligned
    uint64_t alignment; // of its base, at least a page
};

class SlotLayout {
  public:
    // Images with that much text get slots of their own. Smaller ones would save fewer faults than a page
    // table and a hole cost.
    static constexpr uint64_t kOwnSlots = 768 << 10;
    // An image whose text ends so little behind a slot's start may leave that end (read-only data, rarely
    // looked at) in the slot with data: else it would need one slot more.
    static constexpr uint64_t kSpill = 512 << 10;

    // [0, `begin`) is taken.
    explicit SlotLayout(VMOffset begin) : end_(begin.raw()) {}

    // Images that come first get the lower places. No two results overlap.
    VMOffset place(const ImageShape &image);
    // The lowest base from `from` on with which the image's data begin at a slot's start.
    static uint64_t base_with_data_at_slot(const ImageShape &image, uint64_t from);

  private:
    struct Gap {
        uint64_t begin, end; // inside one slot that holds data
    };
    static bool is_large(const ImageShape &image) { return image.text >= kOwnSlots; }
    static uint64_t large_base(const ImageShape &image, uint64_t from);
    VMOffset take(const ImageShape &image, uint64_t base);

    uint64_t end_; // nothing lies behind; a slot's start but at the very beginning
    std::vector<Gap> gaps_;
};

} // namespace sharedregion
