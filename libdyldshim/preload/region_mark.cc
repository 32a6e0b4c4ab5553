// SPDX-License-Identifier: GPL-2.0-or-later
#include "libdyldshim/preload/region_mark.h"

namespace sharedregion {

// (kShimMarkMagic, written out: it must be a constant of the file.)
const ShimMark region_mark = {{'S', 'H', 'R', 'G', 'M', 'A', 'R', 'K'}, 0, 0};

} // namespace sharedregion
