// SPDX-License-Identifier: GPL-2.0-or-later
// /proc/self/exe in a process that was started as `ld-dyld.so PROGRAM`: the kernel says ld-dyld.so there.
#pragma once

#include <stdint.h>

namespace sharedregion {

// Whether `path` is a name of this process's executable: /proc/self/exe, /proc/thread-self/exe,
// /proc/PID/exe.
bool is_own_program(const char *path);

// Whether the kernel started ld-dyld.so here: then /proc/self/exe is that, which must not be executed with
// the program's arguments. Async-signal-safe. `buffer`: room for a path, PATH_MAX; what is in it afterwards
// means nothing.
bool is_started_by_loader(char *buffer, uint64_t size);

// The path of the program that runs here, as the kernel would say it if it had started it: of the file that
// its headers are mapped from. False: the kernel did start it and so tells the truth, or it cannot be told.
// Async-signal-safe. `size`: PATH_MAX.
bool own_program_path(char *out, uint64_t size);

} // namespace sharedregion
