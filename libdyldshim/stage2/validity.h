// SPDX-License-Identifier: GPL-2.0-or-later
// Whether a set holds for this start: the checks of DESIGN.md section 4, the cheapest first.
#pragma once

#include "libdyldshim/stage2/start.h"

namespace sharedregion {

// None, or the first reason why not. Changes nothing in the process; fills what
// Start leaves to it.
JitReason check_validity(Start *start);

} // namespace sharedregion
