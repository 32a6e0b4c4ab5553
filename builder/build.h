// SPDX-License-Identifier: GPL-2.0-or-later
// One build, from options to the files of a generation.
#pragma once

#include "builder/model/builder_options.h"
#include "builder/support/progress.h"
#include "sharedregion/failure.h"
#include "sharedregion/file_header.h"

#include <string>
#include <utility>
#include <vector>

namespace sharedregion {

struct RejectedProgram {
    std::string path, reason, detail;
};

struct BuildReport {
    Uuid uuid = {};
    uint64_t images = 0;
    uint64_t programs = 0; // asked for, each once
    uint64_t captured = 0; // that have a set
    uint64_t captured_with_shim = 0;
    std::vector<RejectedProgram> rejected;
    uint64_t bytes = 0; // of all files
    uint64_t relocations = 0, unresolved = 0, from_capture = 0;
    uint64_t adopted_pages = 0;                          // base content pages taken from captures
    std::vector<std::pair<std::string, double>> seconds; // per phase, in order
};

// Writes `shared_cache`, `sets` and, with a shim, `shim-sets` into options.output (made if missing). Programs
// that cannot be served are rejected and do not fail the build. On failure neither file is left half-written
// under its name.
Outcome<BuildReport> build_generation(const BuilderOptions &options, Progress &progress);

} // namespace sharedregion
