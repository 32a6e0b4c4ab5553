// SPDX-License-Identifier: GPL-2.0-or-later
// execve(2), by way of the loader where that is possible. The interposed functions are made of it.
#pragma once

namespace sharedregion {

// Returns only on an error: a negative errno, that of a plain execve(2) of `path`. Async-signal-safe.
long execute(const char *path, char *const *argv, char *const *envp);

// execveat(2), likewise.
long execute_at(int directory, const char *path, char *const *argv, char *const *envp, int flags);

// The same as execvp(3) finds `file`: through PATH where it has no slash, by /bin/sh where the kernel does
// not know its format. Returns a negative errno.
long execute_in_path(const char *file, char *const *argv, char *const *envp);

} // namespace sharedregion
