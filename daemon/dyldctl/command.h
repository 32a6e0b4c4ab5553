// SPDX-License-Identifier: GPL-2.0-or-later
// What every subcommand of dyldctl gets, and how it ends.
//
// Each subcommand is one file with one add_*() function, which registers options and a callback.
#pragma once

#include "sharedregion/failure.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace sharedregion {

// Exit codes; dyldctl(1) lists them. `run` ends with the program's own code, or as env(1) does.
enum ExitCode : int {
    kOk = 0,
    kFailed = 1,
    kUsage = 2,
    kNotPrebuilt = 3,     // why: not prebuilt; build: none of the named programs could be captured;
                          // build-set: one of them has no set
    kRunFailed = 125,     // run: dyldctl itself failed
    kCannotExecute = 126, // run: PROGRAM was found but cannot be executed
    kNotFound = 127,      // run: no such PROGRAM
};

struct Context {
    std::string state_option; // --state
    bool json = false;
    bool quiet = false;
    int exit_code = kOk; // what main() returns after the callback
};

using Json = nlohmann::ordered_json;

inline constexpr char kNoRegionHelp[] = "leave the kernel's /dev/shared_region alone";

void add_build(CLI::App &app, Context &context);
void add_build_set(CLI::App &app, Context &context);
void add_activate(CLI::App &app, Context &context);
void add_deactivate(CLI::App &app, Context &context);
void add_region(CLI::App &app, Context &context);
// `command` is PROGRAM ARGS: split off before parsing, so that its options stay its own.
void add_run(CLI::App &app, Context &context, const std::vector<std::string> &command);
void add_shim(CLI::App &app, Context &context);
void add_why(CLI::App &app, Context &context);
void add_status(CLI::App &app, Context &context);
void add_list(CLI::App &app, Context &context);
void add_show(CLI::App &app, Context &context);
void add_clean(CLI::App &app, Context &context);
void add_bench(CLI::App &app, Context &context);
void add_interpreter(CLI::App &app, Context &context);
void add_enable(CLI::App &app, Context &context);
void add_disable(CLI::App &app, Context &context);

} // namespace sharedregion
