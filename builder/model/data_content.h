// SPDX-License-Identifier: GPL-2.0-or-later
// Base content of the writable pages of one segment: bytes, and which words slide.
//
// Written by one thread at a time (the image's pass, then adoption); read by all captures.
#pragma once

#include "sharedregion/units.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <vector>

namespace sharedregion {

class DataContent {
  public:
    DataContent() = default;
    DataContent(VMOffset begin, VMSize size)
        : begin_(begin), bytes_(size.raw()), slides_(size.raw() / (8 * 64) + 1) {}

    VMOffset begin() const { return begin_; }
    uint64_t size() const { return bytes_.size(); }
    std::byte *bytes() { return bytes_.data(); }
    const std::byte *bytes() const { return bytes_.data(); }
    bool contains(VMOffset at, uint64_t size) const {
        uint64_t offset = at.raw() - begin_.raw();
        return at >= begin_ && size <= bytes_.size() && offset <= bytes_.size() - size;
    }

    // All of these want `at` inside, words 8-byte aligned.
    uint64_t word(VMOffset at) const {
        uint64_t value;
        std::memcpy(&value, &bytes_[at.raw() - begin_.raw()], sizeof value);
        return value;
    }
    void put(VMOffset at, uint64_t value, bool slides) {
        std::memcpy(&bytes_[at.raw() - begin_.raw()], &value, sizeof value);
        set_slides(at, slides);
    }
    bool slides(VMOffset at) const {
        uint64_t index = (at.raw() - begin_.raw()) / 8;
        return (slides_[index / 64] >> (index % 64) & 1) != 0;
    }
    void set_slides(VMOffset at, bool slides) {
        uint64_t index = (at.raw() - begin_.raw()) / 8;
        uint64_t bit = 1ULL << (index % 64);
        slides_[index / 64] = slides ? slides_[index / 64] | bit : slides_[index / 64] & ~bit;
    }
    // The bits of one page's words; `at` is page-aligned and inside.
    std::array<uint64_t, kPageSize / 8 / 64> slide_bits(VMOffset at) const {
        std::array<uint64_t, kPageSize / 8 / 64> bits;
        uint64_t first = (at.raw() - begin_.raw()) / 8 / 64;
        std::copy_n(slides_.begin() + static_cast<std::ptrdiff_t>(first), bits.size(), bits.begin());
        return bits;
    }
    // Offsets of all words that slide, rising, appended to `out`.
    void list_slides(std::vector<uint64_t> *out) const {
        for (uint64_t i = 0; i < slides_.size(); i++)
            for (uint64_t bits = slides_[i]; bits != 0; bits &= bits - 1)
                out->push_back(begin_.raw() + (i * 64 + static_cast<uint64_t>(__builtin_ctzll(bits))) * 8);
    }

  private:
    VMOffset begin_; // page-aligned
    std::vector<std::byte> bytes_;
    std::vector<uint64_t> slides_; // one bit per word
};

} // namespace sharedregion
