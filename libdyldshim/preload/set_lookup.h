// SPDX-License-Identifier: GPL-2.0-or-later
// Whether an activated region holds a set, captured with the shim preloaded, for a file.
#pragma once

#include "sharedregion/file_header.h"

namespace sharedregion {

// Reads the few bytes that it needs with pread(2): between fork and exec, where this is asked most, a mapping
// would be paid for each time, and nothing that is remembered can be out of date after an activation.
// False on any doubt, too: then the program starts plainly.
bool has_shim_set(const char *region_path, const FileIdentity &file);

} // namespace sharedregion
