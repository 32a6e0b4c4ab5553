// SPDX-License-Identifier: GPL-2.0-or-later
// Counts the system calls of one start with ptrace(2).
#pragma once

#include "bench/spawn_server.h"

namespace sharedregion {

// Starts the program traced and runs it to its end. {-1, -1}: tracing is not allowed here; before_entry -1:
// the program never came to its entry point.
SyscallCount count_syscalls_of(const char *path, char *const *argv);

} // namespace sharedregion
