// SPDX-License-Identifier: GPL-2.0-or-later
// Static TLS of a scope: module numbers and offsets from the thread pointer.
#pragma once

#include "builder/model/cache_model.h"

namespace sharedregion {

class TlsLayout {
  public:
    // Modules in the order of `scope`, numbered from 1, as if the program had no TLS of its own
    // (Drepper, "ELF Handling for Thread-Local Storage", 3: variant II).
    TlsLayout(const CacheModel &model, const std::vector<ImageIndex> &scope);

    // 0: the image has no TLS or is not in the scope.
    uint64_t module(ImageIndex image) const;
    // Bytes from the image's TLS block up to the thread pointer.
    uint64_t offset(ImageIndex image) const;

  private:
    struct Module {
        ImageIndex image;
        uint64_t offset;
    };
    std::vector<Module> modules_; // modules_[i] has number i + 1
};

} // namespace sharedregion
