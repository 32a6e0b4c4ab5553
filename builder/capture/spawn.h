// SPDX-License-Identifier: GPL-2.0-or-later
// Starts a traced child from a process that may be large and have many threads.
#pragma once

#include "builder/capture/tracer.h"

namespace sharedregion {

struct SpawnedChild {
    pid_t pid;               // -1: clone(2) failed, errno tells why
    const char *failed_step; // the child could not get to its program: which call ...
    int error;               // ... failed with which errno
};

// The child asks to be traced by the calling thread; its first stop is the SIGTRAP behind execve(2).
// A child that failed exits with 127.
SpawnedChild spawn_traced(const SpawnOptions &options);

} // namespace sharedregion
