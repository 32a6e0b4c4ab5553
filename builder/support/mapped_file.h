// SPDX-License-Identifier: GPL-2.0-or-later
// A whole file, mapped to be read.
//
// For files that only the builder writes (shared_cache, sets), never for inputs: those may shrink.
#pragma once

#include "sharedregion/failure.h"
#include "sharedregion/view.h"

#include <string>
#include <utility>

namespace sharedregion {

class MappedFile {
  public:
    static Outcome<MappedFile> open(const std::string &path);
    MappedFile(MappedFile &&other) noexcept
        : address_(std::exchange(other.address_, nullptr)), size_(other.size_) {}
    ~MappedFile();
    ByteView bytes() const { return ByteView(address_, size_); }

  private:
    MappedFile(void *address, uint64_t size) : address_(address), size_(size) {}
    void *address_;
    uint64_t size_;
};

} // namespace sharedregion
