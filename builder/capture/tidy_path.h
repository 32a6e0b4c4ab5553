// SPDX-License-Identifier: GPL-2.0-or-later
// Paths as ld.so puts them together from RUNPATH and $ORIGIN, made readable.
#pragma once

#include <string>

namespace sharedregion {

// An absolute path without "//", "/./" and "/DIRECTORY/../". Links stay, also DIRECTORY/.. where DIRECTORY
// is one: what the path means can change with a link, and a set must notice.
std::string tidy_path(const std::string &path);

} // namespace sharedregion
