// SPDX-License-Identifier: GPL-2.0-or-later
// This package's own files, which belong to the machine: they are found whatever the root directory is
// (other_root.h).
#pragma once

#include "daemon/files/mapped_file.h"

namespace sharedregion {

// The running program's file.
Outcome<std::string> own_path();

// A file of this package: beside the running program, in ../lib/shared-region, or in ../lib.
Outcome<std::string> find_helper(const std::string &name);

// What find_helper() found.
Outcome<MappedFile> map_helper(const std::string &path);
FileIdentity helper_identity(const std::string &path);

} // namespace sharedregion
