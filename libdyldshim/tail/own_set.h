// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "libdyldshim/shared/tail.h"

namespace sharedregion {

// Starts the program from the caller's own set, where the activation has none of this very program and there
// is one (user_set.h). Comes back with the reason for a plain start: the given one, or why the user's set
// does not hold. `request` keeps what the reason's detail may lie in.
JitReason try_own_set(const PlainStart &start, LaunchRequest *request);

} // namespace sharedregion
