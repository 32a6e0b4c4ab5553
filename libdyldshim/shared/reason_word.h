// SPDX-License-Identifier: GPL-2.0-or-later
// The words of jit_reason.h where pointers to them would need relocations.
#pragma once

#include "libdyldshim/shared/strings.h"
#include "sharedregion/jit_reason.h"

namespace sharedregion {

// All words, one after the other, each with its NUL.
inline constexpr char kReasonWords[] =
#define SHAREDREGION_X(name, word, text) word "\0"
    SHAREDREGION_JIT_REASONS(SHAREDREGION_X)
#undef SHAREDREGION_X
    ;

// The word of a reason, which need not be one of this version: "" then.
inline const char *reason_word(uint32_t reason) {
    const char *word = kReasonWords;
    for (; reason != 0 && *word != 0; reason--)
        word += length_of(word) + 1;
    return word;
}

} // namespace sharedregion
