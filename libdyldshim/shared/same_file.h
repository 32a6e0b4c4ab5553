// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "sharedregion/file_header.h"

#include <sys/stat.h>

namespace sharedregion {

// Whether what stat(2) said is that file, not rewritten since. One copy: the stage is short of room.
[[gnu::noinline]] bool is_same_file(const struct stat &info, const FileIdentity &identity);

} // namespace sharedregion
