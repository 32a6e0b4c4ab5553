// SPDX-License-Identifier: GPL-2.0-or-later
// Phase 6a: captures (contract: phases.h).
#include "builder/phases/phases.h"

#include "builder/support/parallel.h"

#include <algorithm>

namespace sharedregion {

SteeringPlan steering_plan(const CacheModel &model) {
    SteeringPlan plan;
    for (uint32_t i = 0; i < model.images.size(); i++) {
        const CacheImage &image = model.images[i];
        plan.images.push_back({image.path, image.identity, image.base, image.size, i});
    }
    plan.loader = model.loader;
    plan.heap_offset = model.main->heap.vm_offset;
    plan.heap_size = model.main->heap.vm_size;
    plan.region_size = model.region_size;
    return plan;
}

std::vector<std::optional<ProgramCapture>> capture_programs(const BuilderOptions &options, CacheModel *model,
                                                            Progress &progress) {
    std::vector<std::optional<ProgramCapture>> captures(model->programs.size());
    std::vector<size_t> order;
    for (size_t i = 0; i < model->programs.size(); i++)
        if (!model->programs[i].rejection)
            order.push_back(i);
    // Those with the most libraries take longest: first, so that no thread ends with one of them.
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
        return model->programs[a].images.size() > model->programs[b].images.size();
    });
    SteeringPlan plan = steering_plan(*model);
    ModelContent base(*model);
    ProgressCounter counter(progress, order.size(), "capture");
    parallel_each(order.size(), [&](size_t i) {
        CacheProgram &program = model->programs[order[i]];
        CaptureRequest request{program.path, program.interpreter, options.capture_timeout_ms,
                               program.preload};
        auto captured = capture_program(request, plan, base);
        if (captured.ok())
            captures[order[i]] = std::move(captured.value());
        else
            program.rejection = std::move(captured.error());
        counter.advance();
    });
    return captures;
}

} // namespace sharedregion
