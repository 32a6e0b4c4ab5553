// SPDX-License-Identifier: GPL-2.0-or-later
// Where captured programs are started: by the genuine ld.so, which no kernel module replaces there.
#pragma once

#include "sharedregion/failure.h"

namespace sharedregion {

// Where the kernel module may substitute ld.so, this process gets a mount namespace of its own, in which it
// does not (a pair belongs to a root directory's mount). For a process with one thread.
Done enter_private_mounts();

} // namespace sharedregion
