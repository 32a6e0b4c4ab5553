// SPDX-License-Identifier: GPL-2.0-or-later
// What kind of program a file is.
#pragma once

namespace sharedregion {

// Whether the kernel would start this regular file, without set-user-ID or set-group-ID, by the ld.so that
// ld-dyld.so stands for, and with no rights of the file's own. `path` is seen from `directory`; an empty one:
// the open file `directory` itself. False on any doubt. Async-signal-safe.
bool starts_by_loader(int directory, const char *path);

} // namespace sharedregion
