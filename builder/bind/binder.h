// SPDX-License-Identifier: GPL-2.0-or-later
// The binder: applies an image's relocations to its base content.
//
// Base content is a default: what most programs have. It assumes that nobody in front of the image's own
// closure defines its names; where a program differs, its capture says so (builder/capture). Words that
// only running code can tell (IRELATIVE, references to IFUNCs, TLSDESC, unresolved names) are left 0 and
// come from captures.
#pragma once

#include "builder/bind/resolver.h"
#include "builder/bind/tls_layout.h"

namespace sharedregion {

struct BindStatistics {
    uint64_t relocations = 0;
    uint64_t unresolved = 0;   // no definition in the scope, and not weak
    uint64_t from_capture = 0; // only running code can tell
};

// Whether the cache can hold this object. Errors: the VA or offset of what it cannot: text
// relocations, a segment both writable and executable, an unknown relocation type, a relocation
// outside the stored writable part or of an unaligned word.
Status check_cacheable(const ElfImage &elf);

// Whether ld.so would bind this program or library: where it binds lazily, it ends with "unexpected PLT reloc
// type" at a type that has no place among the PLT's relocations. Captures bind at once and do not notice.
Status check_lazy_binding(const ElfImage &elf);

// Inputs: an image that check_cacheable() accepts, its layout, scope, data content copied.
// Outputs: its data content, bound, with the words marked that slide.
// Invariant: touches no other image, so that all images can be bound in parallel.
BindStatistics bind_image(const CacheModel &model, const SymbolIndex &index, ImageIndex image,
                          std::vector<SegmentChunk> *segments);

} // namespace sharedregion
