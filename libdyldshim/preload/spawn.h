// SPDX-License-Identifier: GPL-2.0-or-later
// Spawning a child through the loader.
#pragma once

#include <spawn.h>

namespace sharedregion {

// Spawns the program at an absolute path through the loader. False: nothing was done, the program is to be
// spawned plainly. True: `error` is what posix_spawn(3) returns.
bool spawn_prebuilt(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                    const posix_spawnattr_t *attributes, char *const *argv, char *const *envp, int *error);

} // namespace sharedregion
