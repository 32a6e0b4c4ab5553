// SPDX-License-Identifier: GPL-2.0-or-later
// Phase 2: uses, order, scopes (contract: phases.h).
#include "builder/phases/phases.h"

#include <algorithm>
#include <numeric>

namespace sharedregion {

namespace {

void count_uses(CacheModel *model) {
    for (const CacheProgram &program : model->programs)
        for (ImageIndex image : program.images)
            model->images[image].uses++;
}

// Most-used first: the layout gives the low places in this order, so that a process maps a short beginning
// of the cache; equal ones by path.
void sort_images(CacheModel *model) {
    std::vector<ImageIndex> order(model->images.size());
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](ImageIndex a, ImageIndex b) {
        const CacheImage &left = model->images[a], &right = model->images[b];
        return left.uses != right.uses ? left.uses > right.uses : left.path < right.path;
    });
    model->reorder_images(order);
}

// The image, then its closure breadth-first: the order in which ld.so would search if the image were
// the program (gABI, "Shared Object Dependencies").
std::vector<ImageIndex> closure(const CacheModel &model, ImageIndex first) {
    std::vector<ImageIndex> scope = {first};
    std::vector<bool> seen(model.images.size());
    seen[first] = true;
    for (size_t i = 0; i < scope.size(); i++)
        for (ImageIndex needed : model.images[scope[i]].needed) {
            if (!seen[needed])
                scope.push_back(needed);
            seen[needed] = true;
        }
    return scope;
}

} // namespace

void estimate_optimizations(CacheModel *model) {
    count_uses(model);
    sort_images(model);
    for (ImageIndex i = 0; i < model->images.size(); i++)
        model->images[i].scope = closure(*model, i);
}

} // namespace sharedregion
