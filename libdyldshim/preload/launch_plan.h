// SPDX-License-Identifier: GPL-2.0-or-later
// How one program is to be executed: as it is, or as `STATE/ld-dyld.so [--fd FD] --argv0 ARGV0 PROGRAM
// ARGUMENT...`.
#pragma once

#include "libdyldshim/preload/tree.h"

#include <sys/stat.h>

namespace sharedregion {

// A longer list would need memory that a child between vfork(2) and exec cannot give back, or more stack than
// a signal handler or a small thread has: its program starts plainly.
inline constexpr uint64_t kMaxArguments = 256;
// Elements that a list through the loader has more, the end included: loader, --fd, FD, --argv0, ARGV0,
// PROGRAM and nullptr, less the one that they replace.
inline constexpr uint64_t kMoreArguments = 6;

struct LaunchPlan {
    PathBuffer loader;  // STATE/ld-dyld.so
    uint64_t arguments; // elements of argv, nullptr not counted
    char fd[12];        // FD as text; "": by PROGRAM's path
};

// Whether execve(2) would, with the effective ids, and ld-dyld.so could read the file as well. Linux
// before 5.8 cannot be asked: false.
bool may_execute(const char *path);

// Whether the program is to be started through the loader: a set exists for it, the caller may execute it,
// and the environment leaves it in the tree; or there must be a set, so that ld-dyld.so tells why there is
// none. `info`: what stat(2) said of it. Touches no memory but `plan`, the stack, and what it is given;
// async-signal-safe.
bool plan_launch(const char *path, const struct stat &info, char *const *argv, char *const *envp,
                 LaunchPlan *plan);

// The same for what execveat(2) would execute: `path` seen from `directory`, or with AT_EMPTY_PATH, which is
// the only flag, and an empty path the open file `directory` itself. What says how to pass it on, plan->fd,
// is the caller's.
bool plan_launch_at(int directory, const char *path, int flags, const struct stat &info, char *const *argv,
                    char *const *envp, LaunchPlan *plan);

// The argument list for it; `list` has room for arguments + kMoreArguments elements.
void make_arguments(LaunchPlan *plan, const char *path, char *const *argv, char **list);

} // namespace sharedregion
