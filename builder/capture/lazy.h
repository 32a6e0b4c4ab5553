// SPDX-License-Identifier: GPL-2.0-or-later
// The one word that LD_BIND_NOW=1 leaves behind: _dl_lazy of ld.so's _rtld_global_ro.
//
// It must be set back, else a later dlopen(RTLD_LAZY) binds at once. ld.so's symbols do not name it,
// so a run without LD_BIND_NOW tells where it is. Where it is and what it holds is a property of
// ld.so's file, not of the program: one such run serves all programs.
#pragma once

#include "builder/capture/model.h"

namespace sharedregion {

struct LazyWord {
    uint64_t offset; // in ld.so; 4 bytes wide
    uint32_t value;  // without LD_BIND_NOW
};

// The word for this subject's ld.so, from memory or by a further run of the program. `model` is
// classified and verified.
Result<LazyWord, Rejection> lazy_word(const CaptureSubject &subject, const Model &model);

// Writes the word into the model.
Result<Success, Rejection> apply_lazy_word(const LazyWord &word, Model *model);

} // namespace sharedregion
