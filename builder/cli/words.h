// SPDX-License-Identifier: GPL-2.0-or-later
// Names of spaces and classes (set_format.h), as dump and capture print them.
#pragma once

#include "sharedregion/set_format.h"

namespace sharedregion {

inline const char *space_word(Space space) {
    static constexpr const char *kWords[kSpaceCount] = {"region", "program"};
    return kWords[static_cast<uint32_t>(space)];
}

inline const char *class_word(FixupClass fixup_class) {
    static constexpr const char *kWords[kFixupClassCount] = {
        "region", "program",     "loader",    "stack-pointer", "environ", "auxv",
        "random", "platform",    "exec-fn",   "vdso",          "canary",  "pointer-guard",
        "break",  "stack-limit", "thread-id", "argument-count"};
    return kWords[static_cast<uint32_t>(fixup_class)];
}

} // namespace sharedregion
