// SPDX-License-Identifier: GPL-2.0-or-later
// A child process whose output is read while it runs.
#pragma once

#include "sharedregion/failure.h"

#include <functional>
#include <string>
#include <vector>

namespace sharedregion {

struct ChildResult {
    int status; // as from waitpid(2)
    std::string output;
};

// Puts something that can be neither read nor written where a standard stream is closed, until the next exec:
// else what this process opens next would be there, and be replaced or closed in its children. For main().
void occupy_standard_streams();

// Runs arguments[0], a path of the machine (other_root.h), there, with /dev/null as standard input; stdout is
// collected, each line of stderr goes to `on_error_line`. The child is killed if this process dies: nothing
// of a killed build goes on.
Outcome<ChildResult> run_child(const std::vector<std::string> &arguments,
                               const std::function<void(const std::string &)> &on_error_line);

// "exit code 3", "signal 9 (Killed)"
std::string status_text(int status);

} // namespace sharedregion
