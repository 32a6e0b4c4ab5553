// SPDX-License-Identifier: GPL-2.0-or-later
// Memory for an area of which only some pages are ever touched, and a set of page numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace sharedregion {

// Zero bytes that cost memory only where they are written: a program's bss can be gigabytes.
class PageBuffer {
  public:
    PageBuffer() = default;
    explicit PageBuffer(uint64_t size); // ok() false: no address space
    PageBuffer(PageBuffer &&other) noexcept
        : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    PageBuffer &operator=(PageBuffer &&other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~PageBuffer();

    bool ok() const { return data_ != nullptr || size_ == 0; }
    std::byte *data() const { return data_; }
    uint64_t size() const { return size_; }
    uint64_t *words(uint64_t offset) const { return reinterpret_cast<uint64_t *>(data_ + offset); }

  private:
    std::byte *data_ = nullptr;
    uint64_t size_ = 0;
};

// Numbers below a limit, kept as bits.
class PageSet {
  public:
    PageSet() = default;
    explicit PageSet(uint64_t count) : bits_((count + 63) / 64), count_(count) {}
    uint64_t count() const { return count_; }
    void insert(uint64_t page) { bits_[page / 64] |= 1ULL << page % 64; }
    void insert_range(uint64_t first, uint64_t end) {
        for (uint64_t page = first; page < end; page++)
            insert(page);
    }
    bool holds(uint64_t page) const { return (bits_[page / 64] >> page % 64 & 1) != 0; }
    // Adds all of `other`, which has the same limit.
    void insert_all(const PageSet &other) {
        for (size_t i = 0; i < bits_.size(); i++)
            bits_[i] |= other.bits_[i];
    }
    // Calls visit(first, end) for each maximal run, cut to at most `longest` pages.
    template <class Visit> void for_each_run(uint64_t longest, Visit visit) const {
        for (uint64_t page = 0; page < count_;) {
            if (bits_[page / 64] >> page % 64 == 0) {
                page = (page / 64 + 1) * 64;
                continue;
            }
            if (!holds(page)) {
                page++;
                continue;
            }
            uint64_t end = page + 1;
            while (end < count_ && end - page < longest && holds(end))
                end++;
            visit(page, end);
            page = end;
        }
    }

  private:
    std::vector<uint64_t> bits_;
    uint64_t count_ = 0;
};

} // namespace sharedregion
