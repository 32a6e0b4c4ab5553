// SPDX-License-Identifier: GPL-2.0-or-later
// Strong types for addresses, offsets and sizes.
//
// Holds: one template and its four instances. Only operators that mean something exist: an address
// minus an address is an offset, an address plus an offset is an address; two addresses do not add.
// Holds not: alignment policy of a format, byte views (view.h).
//
// Freestanding: usable before libc (libdyldshim) and in host code (builder, daemon).
#pragma once

#include <compare>
#include <stdint.h>

namespace sharedregion {

// One page of the only architecture supported so far (x86-64 psABI, section 5.2: 4 KiB).
inline constexpr uint64_t kPageSize = 4096;
// What one entry of a page middle directory maps (Intel SDM vol. 3, 4.5.4).
inline constexpr uint64_t kLargePageSize = 2 << 20;

constexpr uint64_t align_down(uint64_t value, uint64_t alignment) {
    return value & ~(alignment - 1);
}
constexpr uint64_t align_up(uint64_t value, uint64_t alignment) {
    return (value + alignment - 1) & ~(alignment - 1);
}
constexpr bool is_aligned(uint64_t value, uint64_t alignment) {
    return (value & (alignment - 1)) == 0;
}

// A 64-bit number with a meaning. `Tag` makes two quantities of different meaning different types.
template <class Tag> class Quantity {
  public:
    constexpr Quantity() = default;
    constexpr explicit Quantity(uint64_t raw) : raw_(raw) {}
    constexpr uint64_t raw() const { return raw_; }
    constexpr auto operator<=>(const Quantity &) const = default;

  private:
    uint64_t raw_ = 0;
};

using VMAddress = Quantity<struct VMAddressTag>;   // an absolute virtual address of one process
using VMOffset = Quantity<struct VMOffsetTag>;     // distance from the region's base
using VMSize = Quantity<struct VMSizeTag>;         // bytes of virtual address space
using FileOffset = Quantity<struct FileOffsetTag>; // distance from a file's start
using FileSize = Quantity<struct FileSizeTag>;     // bytes in a file

constexpr VMAddress operator+(VMAddress base, VMOffset off) {
    return VMAddress(base.raw() + off.raw());
}
constexpr VMOffset operator-(VMAddress a, VMAddress b) {
    return VMOffset(a.raw() - b.raw());
}
constexpr VMOffset operator+(VMOffset off, VMSize size) {
    return VMOffset(off.raw() + size.raw());
}
constexpr VMSize operator-(VMOffset a, VMOffset b) {
    return VMSize(a.raw() - b.raw());
}
constexpr VMSize operator+(VMSize a, VMSize b) {
    return VMSize(a.raw() + b.raw());
}
constexpr FileOffset operator+(FileOffset off, FileSize size) {
    return FileOffset(off.raw() + size.raw());
}
constexpr FileSize operator-(FileOffset a, FileOffset b) {
    return FileSize(a.raw() - b.raw());
}
constexpr FileSize operator+(FileSize a, FileSize b) {
    return FileSize(a.raw() + b.raw());
}

} // namespace sharedregion
