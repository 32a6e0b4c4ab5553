// SPDX-License-Identifier: GPL-2.0-or-later
// Phase 6b: no page per process for pointers to the vDSO (contract: phases.h).
#include "builder/phases/phases.h"

#include "builder/support/parallel.h"

namespace sharedregion {

namespace {

LoaderExtent loader_extent(const CacheModel &model) {
    const Chunk &heap = model.main->heap;
    return {model.images[model.loader].base, heap.vm_offset, heap.vm_offset + heap.vm_size};
}

} // namespace

void share_vdso_pointers(CacheModel *model, std::vector<std::optional<ProgramCapture>> *captures) {
    if (model->loader == kNoImage)
        return;
    const LoaderExtent loader = loader_extent(*model);
    const ModelContent base(*model);
    for (const auto &capture : *captures) // one after the other: which word gets which stub is not to vary
        if (capture)
            choose_vdso_words(*capture, loader, base, &model->vdso_words);
    parallel_each(captures->size(), [&](size_t i) {
        if ((*captures)[i])
            use_vdso_stubs(model->vdso_words, loader, base, &*(*captures)[i]);
    });
}

} // namespace sharedregion
