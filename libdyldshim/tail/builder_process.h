// SPDX-License-Identifier: GPL-2.0-or-later
// The process that builds a set: `dyldctl build-set --in-background PROGRAM`, detached from the program.
#pragma once

#include "libdyldshim/shared/tail.h"

namespace sharedregion {

// Whether such a process could be started without the program noticing: there is a dyldctl, and orphans are
// nobody's that is this process.
bool may_start_builder(const PlainStart &start);

// Starts it, with the lock (a descriptor) handed on as descriptor 3. The caller gets no child and no signal
// by that.
bool start_builder_process(const PlainStart &start, int lock);

} // namespace sharedregion
