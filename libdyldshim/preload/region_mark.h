// SPDX-License-Identifier: GPL-2.0-or-later
// Where the shim lies: in a region, or where ld.so loaded it.
#pragma once

#include "sharedregion/shim_mark.h"

namespace sharedregion {

// Not known to any other file at compile time: the builder changes it in the cache's copy of this library.
extern const ShimMark region_mark;

} // namespace sharedregion
