// SPDX-License-Identifier: GPL-2.0-or-later
// /proc/self/exe in a process that was started as `ld-dyld.so PROGRAM`: the kernel says ld-dyld.so there.
#pragma once

#include <stdint.h>

namespace sharedregion {

inline constexpr char kOwnProgram[] = "/proc/self/exe";

// Whether `path` is a name of this process's executable: /proc/self/exe, /proc/thread-self/exe,
// /proc/PID/exe.
bool is_own_program(const char *path);

// The path of the program that runs here, as the kernel would say it if it had started it: of the file that
// its headers are mapped from. False: the kernel did start it and so tells the truth, or it cannot be told.
// Async-signal-safe. `size`: PATH_MAX.
bool own_program_path(char *out, uint64_t size);

} // namespace sharedregion
