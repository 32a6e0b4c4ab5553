// SPDX-License-Identifier: GPL-2.0-or-later
// The set's bytes: in the window of the region file, or behind it.
#pragma once

#include "libdyldshim/shared/launch.h"

namespace sharedregion {

// Where the set is readable; what lies behind the window gets a mapping, noted in the request, in place of
// the one that an earlier try has noted there. nullptr: no address space.
const void *map_set(LaunchRequest *request);

} // namespace sharedregion
