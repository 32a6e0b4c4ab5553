// SPDX-License-Identifier: GPL-2.0-or-later
// Where captured programs are started: by the genuine ld.so, which no kernel module replaces there, in the
// root directory that they belong to.
#pragma once

#include "sharedregion/failure.h"

#include <string>

namespace sharedregion {

// Where the kernel module may substitute ld.so, this process gets a mount namespace of its own, in which it
// does not (a pair belongs to a root directory's mount). For a process with one thread.
// `root`: another root directory, in which this process is then, and in which files are not made through
// magic links; empty: none. `root_fd`: the same as an open directory; -1: `root` leads there. What captures
// need there, /proc and /dev/null, is mounted in the process's own namespace where it is missing.
Done enter_private_mounts(const std::string &root, int root_fd);

} // namespace sharedregion
