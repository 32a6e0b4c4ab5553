// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "libdyldshim/shared/tail.h"

namespace sharedregion {

// DYLD_USE_CLOSURES=1: has a set of the program built by a process of its own, unless there is one, an
// attempt is under way, or the last one failed not long ago. Opens the region for that (request). Returns the
// reason for the plain start: the given one, or why nothing can be built; the request's detail tells what
// happened, in a word.
JitReason build_in_background(const PlainStart &start, LaunchRequest *request);

} // namespace sharedregion
