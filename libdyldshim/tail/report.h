// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "libdyldshim/shared/tail.h"

namespace sharedregion {

// Tells why the program starts by plain ld.so, if anybody asked, or ends the process where that is wanted.
void report_jit(const PlainStart &start);

} // namespace sharedregion
