// SPDX-License-Identifier: GPL-2.0-or-later
// Fuzz target: the builder's ELF reader and what judges its result.
#include "builder/bind/binder.h"
#include "builder/bind/symbol_index.h"
#include "builder/elf/elf_image.h"

using namespace sharedregion;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size) {
    Result<ElfImage> image = parse_elf_image(ByteView(bytes, size));
    if (!image.ok() || !check_cacheable(image.value()).ok())
        return 0;
    // What was accepted can be used without further checks.
    CacheModel model;
    model.images.resize(1);
    model.images[0].elf = std::move(image.value());
    model.images[0].scope = {0};
    if (model.images[0].elf.end() > 64 << 20)
        return 0; // keeps the memory of the run small
    std::vector<SegmentChunk> chunks(model.images[0].elf.segments.size());
    for (size_t i = 0; i < chunks.size(); i++) {
        const ElfSegment &segment = model.images[0].elf.segments[i];
        uint64_t begin = align_down(segment.vaddr, kPageSize);
        if (!segment.writable())
            continue;
        chunks[i].segment_kind = SegmentKind::Data;
        chunks[i].data = DataContent(VMOffset(begin),
                                     VMSize(align_up(segment.vaddr + segment.mem_size, kPageSize) - begin));
    }
    SymbolIndex index(model);
    bind_image(model, index, 0, &chunks);
    return 0;
}
