// SPDX-License-Identifier: GPL-2.0-or-later
// Runs a command to its end with a time limit and collects what it prints.
#pragma once

#include <string>
#include <vector>

namespace sharedregion {

struct CommandResult {
    int error = 0;          // errno where it could not be started
    bool timed_out = false; // it was killed
    int status = -1;        // exit code; 128 + signal where a signal ended it
    std::string output;     // standard output and error, at most 1 MiB
};

// Standard input is /dev/null; no descriptor of ours is inherited; the command is in a session of its own
// (no terminal). `environment` is the whole environment.
CommandResult run_command(const std::vector<std::string> &arguments,
                          const std::vector<std::string> &environment, unsigned timeout_ms);

} // namespace sharedregion
