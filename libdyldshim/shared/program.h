// SPDX-License-Identifier: GPL-2.0-or-later
// The executable as the kernel mapped it: load bias and key in the index.
#pragma once

#include "libdyldshim/shared/start_args.h"

namespace sharedregion {

struct ProgramImage {
    bool has_headers = false; // PT_PHDR: without it the bias cannot be told
    uint64_t bias = 0;
    uint64_t key = 0;
};

ProgramImage find_program(const StartArgs &args);

} // namespace sharedregion
