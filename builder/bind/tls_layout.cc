// SPDX-License-Identifier: GPL-2.0-or-later
// See tls_layout.h.
#include "builder/bind/tls_layout.h"

namespace sharedregion {

TlsLayout::TlsLayout(const CacheModel &model, const std::vector<ImageIndex> &scope) {
    uint64_t offset = 0;
    for (ImageIndex image : scope) {
        const ElfRange &tls = model.images[image].elf.tls;
        if (tls.mem_size == 0)
            continue;
        // The block's start must keep p_vaddr's alignment (glibc elf/dl-tls.c:
        // _dl_determine_tlsoffset, l_tls_firstbyte_offset).
        uint64_t first_byte = -tls.vaddr & (tls.align - 1);
        offset = align_up(offset + tls.mem_size - first_byte, tls.align) + first_byte;
        modules_.push_back({image, offset});
    }
}

uint64_t TlsLayout::module(ImageIndex image) const {
    for (size_t i = 0; i < modules_.size(); i++)
        if (modules_[i].image == image)
            return i + 1;
    return 0;
}

uint64_t TlsLayout::offset(ImageIndex image) const {
    for (const Module &module : modules_)
        if (module.image == image)
            return module.offset;
    return 0;
}

} // namespace sharedregion
