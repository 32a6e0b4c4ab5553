// SPDX-License-Identifier: GPL-2.0-or-later
// Bounds-checked views of bytes that come from a file or from another program.
//
// Every format (cache_format.h, set_format.h, region_format.h) and every ELF (elf_view.h) is read
// through these: an offset that does not fit gives nullptr or an empty span, never a wild pointer.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <type_traits>

namespace sharedregion {

// A counted array that somebody else owns.
template <class T> class Span {
  public:
    constexpr Span() = default;
    constexpr Span(T *data, uint64_t size) : data_(data), size_(size) {}
    constexpr T *data() const { return data_; }
    constexpr uint64_t size() const { return size_; }
    constexpr bool empty() const { return size_ == 0; }
    constexpr T &operator[](uint64_t i) const { return data_[i]; }
    constexpr T *begin() const { return data_; }
    constexpr T *end() const { return data_ + size_; }

  private:
    T *data_ = nullptr;
    uint64_t size_ = 0;
};

// Bytes [0, size) of some buffer; all accesses checked, and nothing else is.
class ByteView {
  public:
    constexpr ByteView() = default;
    ByteView(const void *data, uint64_t size)
        : data_(static_cast<const unsigned char *>(data)), size_(size) {}

    const unsigned char *data() const { return data_; }
    uint64_t size() const { return size_; }
    bool contains(uint64_t offset, uint64_t length) const {
        return length <= size_ && offset <= size_ - length;
    }

    // A record at `offset`; nullptr where it does not fit or is not aligned for T.
    template <class T> const T *at(uint64_t offset) const {
        static_assert(std::is_trivially_copyable_v<T>);
        if (!contains(offset, sizeof(T)) || !aligned_for<T>(offset))
            return nullptr;
        return reinterpret_cast<const T *>(data_ + offset);
    }

    // `count` records at `offset` in *out; false where they do not fit or are not aligned for T.
    template <class T> bool array(uint64_t offset, uint64_t count, Span<const T> *out) const {
        static_assert(std::is_trivially_copyable_v<T>);
        if (count > size_ / sizeof(T) || !contains(offset, count * sizeof(T)) || !aligned_for<T>(offset))
            return false;
        *out = Span<const T>(reinterpret_cast<const T *>(data_ + offset), count);
        return true;
    }

    // A NUL-terminated string at `offset`; nullptr where no NUL follows inside the view.
    const char *string(uint64_t offset) const {
        for (uint64_t i = offset; i < size_; i++)
            if (data_[i] == 0)
                return reinterpret_cast<const char *>(data_ + offset);
        return nullptr;
    }

    // Bytes [offset, offset + length); an empty view where they do not fit.
    ByteView part(uint64_t offset, uint64_t length) const {
        return contains(offset, length) ? ByteView(data_ + offset, length) : ByteView();
    }

  private:
    template <class T> bool aligned_for(uint64_t offset) const {
        return (reinterpret_cast<uintptr_t>(data_ + offset) & (alignof(T) - 1)) == 0;
    }
    const unsigned char *data_ = nullptr;
    uint64_t size_ = 0;
};

} // namespace sharedregion
