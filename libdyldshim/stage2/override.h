// SPDX-License-Identifier: GPL-2.0-or-later
// A user's own set instead of the activation's, for a program that the user owns.
#pragma once

#include "libdyldshim/stage2/start.h"

namespace sharedregion {

// Whether the user's own set, if there is one, comes before the activation's: the program's file belongs to
// the effective user, who is not root. (Root's programs start from root's sets, whatever users have.)
bool may_override(const Start &start);

// Whether there is such a set but not here: what the kernel's region mapped for the activation's set, this
// code among it, does not suit another one. The tail goes on with it (own_first).
bool leave_to_tail(const Start &start);

// Finds the user's set, and maps what text it needs more than the request's set. `own` begins as a copy of
// the request. False: there is none.
bool find_override(const Start &start, LaunchRequest *own, FileIdentity *identity);

} // namespace sharedregion
