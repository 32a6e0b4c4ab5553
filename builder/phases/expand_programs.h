// SPDX-License-Identifier: GPL-2.0-or-later
// From what a person names to a list of program files.
#pragma once

#include <string>
#include <vector>

namespace sharedregion {

// Canonical paths, sorted, each once. A directory stands for the executable ELF files in it (not
// below it); a path that does not exist stays in the list, to be rejected with a reason.
std::vector<std::string> expand_programs(const std::vector<std::string> &paths);

} // namespace sharedregion
