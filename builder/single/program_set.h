// SPDX-License-Identifier: GPL-2.0-or-later
// One program's set against a cache that is in use: what `dyldctl build-set` asks for.
#pragma once

#include "builder/sets/sets.h"
#include "sharedregion/failure.h"

namespace sharedregion {

struct ProgramSetRequest {
    std::string cache;                                       // a file `shared_cache`
    std::string program;                                     // path
    std::string interpreter = "/lib64/ld-linux-x86-64.so.2"; // the genuine ld.so (psABI 1.0, 5.2.1)
    std::string output; // file in the format of `sets`, this program alone
    unsigned timeout_ms = 10000;
};

// Captures the program with every library where the cache has it, and writes the output, also for a
// program that is rejected: then it holds the reason, which is the result's `rejection`. All libraries must
// be in the cache as they are on disk. Errors: the cache or the output.
Outcome<ProgramOutcome> build_program_set(const ProgramSetRequest &request);

} // namespace sharedregion
