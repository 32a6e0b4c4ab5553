// SPDX-License-Identifier: GPL-2.0-or-later
// From a verified model to what a set stores: pages that differ, and the words of each class.
#pragma once

#include "builder/capture/model.h"

namespace sharedregion {

// Pages whose content or slide marks differ from what will be mapped there. Order: (space, offset).
std::vector<CapturedPage> differing_pages(const Model &model, const BaseContent &base);

// All words of classes other than Region, also in pages that do not differ.
FixupWords fixup_words(const Model &model);

} // namespace sharedregion
