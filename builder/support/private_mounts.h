// SPDX-License-Identifier: GPL-2.0-or-later
// Where captured programs are started: by the genuine ld.so, in the root directory that they belong to.
#pragma once

#include "sharedregion/failure.h"

#include <string>

namespace sharedregion {

// Where the kernel module may substitute ld.so, this process gets a mount namespace of its own, in which it
// does not (a pair belongs to a root directory's mount). With `root` not empty, that becomes the root
// directory, with a /proc if it has none. For a process with one thread, before it opens anything by a path
// inside `root`.
Done enter_private_mounts(const std::string &root);

} // namespace sharedregion
