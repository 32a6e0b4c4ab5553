// SPDX-License-Identifier: GPL-2.0-or-later
// Phase 6d: sets from captures (contract: phases.h).
#include "builder/phases/phases.h"

#include "builder/support/parallel.h"

namespace sharedregion {

namespace {

CacheLayout cache_layout(const CacheModel &model) {
    CacheLayout layout;
    for (const CacheImage &image : model.images) {
        ImageDataMaps maps{image.path, image.identity, {}, image.base + image.size};
        for (const SegmentChunk &chunk : image.segments)
            if (chunk.segment_kind == SegmentKind::Data)
                maps.maps.push_back(
                    {chunk.data.begin().raw(), chunk.data.size(), chunk.anonymous.raw(), chunk.data_offset});
        layout.images.push_back(std::move(maps));
    }
    layout.loader = model.loader;
    layout.heap_offset = model.main->heap.vm_offset;
    layout.loader_end = model.main->loader.vm_offset + model.main->loader.vm_size;
    return layout;
}

} // namespace

std::vector<ProgramOutcome> build_sets(const CacheModel &model,
                                       std::vector<std::optional<ProgramCapture>> captures) {
    CacheLayout layout = cache_layout(model);
    ModelContent base(model);
    std::vector<ProgramOutcome> outcomes(model.programs.size());
    parallel_each(outcomes.size(), [&](size_t i) {
        const CacheProgram &program = model.programs[i];
        outcomes[i].path = program.path;
        outcomes[i].identity = program.identity;
        outcomes[i].key = program.key;
        outcomes[i].with_shim = !program.preload.empty();
        if (captures[i])
            outcomes[i].blob = build_set_blob(*captures[i], layout, base);
        if (program.rejection)
            outcomes[i].rejection = *program.rejection;
        captures[i].reset(); // its pages are in the blob now
    });
    return outcomes;
}

} // namespace sharedregion
