// SPDX-License-Identifier: GPL-2.0-or-later
// Phase 7: slide information, symbol table, sections (contract: phases.h).
#include "builder/phases/phases.h"

#include "builder/phases/symbol_writer.h"
#include "builder/support/records.h"
#include "sharedregion/relr.h"

namespace sharedregion {

namespace {

void emit_slide(CacheModel *model) {
    std::vector<uint64_t> entries, offsets;
    for (const CacheImage &image : model->images)
        for (const SegmentChunk &chunk : image.segments)
            if (chunk.segment_kind == SegmentKind::Data)
                chunk.data.list_slides(&offsets);
    relr_encode(offsets, &entries);
    model->main->slide.buffer = to_bytes(entries);
}

} // namespace

Done emit_late_chunks(CacheModel *model) {
    emit_slide(model);
    TRY(emit_symbols(model));
    const std::vector<char> &text = model->strings.text();
    model->main->strings.buffer.assign(reinterpret_cast<const std::byte *>(text.data()),
                                       reinterpret_cast<const std::byte *>(text.data() + text.size()));
    return Success{};
}

} // namespace sharedregion
