// SPDX-License-Identifier: GPL-2.0-or-later
// The leaves of a file's SHA-256 tree (sharedregion/file_header.h), taken in parallel.
#pragma once

#include "builder/support/file.h"
#include "builder/support/progress.h"
#include "sharedregion/hash_tree.h"

namespace sharedregion {

// Hashes [begin, end) of an open file in blocks; `name` is for messages.
Outcome<std::vector<Sha256>> hash_body(int fd, uint64_t begin, uint64_t end, const std::string &name,
                                       Progress &progress);

} // namespace sharedregion
