// SPDX-License-Identifier: GPL-2.0-or-later
// CacheImage: one DSO of the cache, with the chunks of its segments.
#pragma once

#include "builder/elf/elf_image.h"
#include "builder/model/chunk.h"
#include "builder/model/data_content.h"

#include <string>
#include <vector>

namespace sharedregion {

// A PT_LOAD. Data segments hold their base content; the others are copied from the image's file.
struct SegmentChunk : Chunk {
    SegmentKind segment_kind = SegmentKind::ReadOnly;
    ElfSegment elf = {};
    DataContent data;         // Data: [data_begin, data_begin + data_span)
    VMSize anonymous;         // Data: zero pages behind them
    VMSize relro;             // Data: bytes from data.begin() that become read-only
    uint64_t data_offset = 0; // Data: in the compact data area
};

// Index of an image in CacheModel::images.
using ImageIndex = uint32_t;
inline constexpr ImageIndex kNoImage = 0xffffffff;

struct CacheImage {
    std::string path; // canonical
    std::string soname;
    FileIdentity identity;
    ElfImage elf;
    uint64_t uses = 0; // programs that load it
    VMOffset base;     // of ELF VA 0
    VMSize size;
    std::vector<ImageIndex> needed;     // DT_NEEDED in order; what no program resolved is left out
    std::vector<ImageIndex> scope;      // symbol scope: itself, then its closure breadth-first
    std::vector<SegmentChunk> segments; // by VA
};

} // namespace sharedregion
