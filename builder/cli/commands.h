// SPDX-License-Identifier: GPL-2.0-or-later
// The subcommands of `shared-cache`. Each returns the exit code and prints its own errors.
#pragma once

#include "builder/model/builder_options.h"
#include "builder/single/program_set.h"

#include <string>

namespace sharedregion {

// Exit codes, as --help tells them.
inline constexpr int kExitSuccess = 0;
inline constexpr int kExitFailure = 1; // the build failed, or a file is damaged
inline constexpr int kExitUsage = 2;   // wrong command line
inline constexpr int kExitRejected =
    3; // no program was captured (build), the program was rejected (capture, set)

struct BuildArguments {
    BuilderOptions options;
    bool json = false;
    bool progress = false;
};
int run_build(const BuildArguments &arguments);

struct CaptureArguments {
    BuilderOptions options; // one program
    bool json = false;
};
int run_capture(const CaptureArguments &arguments);

struct SetArguments {
    ProgramSetRequest request;
    bool json = false;
};
int run_set(const SetArguments &arguments);

struct DumpArguments {
    std::string cache, sets; // files; empty: not asked for
    bool json = false;
    bool exports = false; // the export index too
};
int run_dump(const DumpArguments &arguments);

} // namespace sharedregion
