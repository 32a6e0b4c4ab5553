// SPDX-License-Identifier: GPL-2.0-or-later
#include "builder/capture/debug_slot.h"

#include <algorithm>

namespace sharedregion {

Result<Success, Rejection> apply_debug_slot(const DebugHook &hook, Model *model) {
    if (!hook)
        return Success{};
    auto place = loader_place(hook.slot, model);
    if (!place || *place->area->content.words(place->offset) != 0 || place->area->is_region(place->offset))
        return rejected(RejectReason::UnclassifiedWord, "ld.so uses a word before its data");
    *place->area->content.words(place->offset) = hook.function;
    auto &words = place->area->sparse;
    auto after = std::find_if(words.begin(), words.end(),
                              [&](const SparseWord &word) { return word.offset > place->offset; });
    words.insert(after, SparseWord{place->offset, kind_of(FixupClass::Loader), 8});
    return Success{};
}

} // namespace sharedregion
