// SPDX-License-Identifier: GPL-2.0-or-later
// What the kernel tells others about a process that execve(2) made of ld-dyld.so, not of the program.
#pragma once

#include "libdyldshim/shared/launch.h"
#include "libdyldshim/shared/start_args.h"

namespace sharedregion {

// `ld-dyld.so [[--fd FD] --argv0 ARGV0] PROGRAM ...`
struct DirectCommand {
    const char *path = nullptr;  // PROGRAM; with --fd only what it is called
    const char *argv0 = nullptr; // the program's first argument
    uint64_t skipped = 0;        // arguments before PROGRAM's own
    bool by_shim = false;        // --argv0 was given
    int fd = -1;                 // the program's file, which the program must not have open; -1: by its path
};

struct DirectLaunch {
    LaunchRequest request;
    const DirectCommand &command;
    const StartArgs &kernel; // the stack as the kernel made it
    StartArgs args;          // the program's
};

// Exchanges two strings of which the second follows the first in memory, and the pointers to them; does
// nothing where it does not follow.
void swap_strings(const char **first, const char **second);

// As far as that goes without privilege: the name of the thread (/proc/PID/comm), and, where the kernel has
// PR_SET_MM_MAP, command line and auxiliary vector. Closes the program's file and the one that the shim gave.
void tell_kernel(const DirectLaunch &launch);

} // namespace sharedregion
