// SPDX-License-Identifier: GPL-2.0-or-later
// Making and removing the caller's marks (sharedregion/user_mark.h).
#pragma once

#include "sharedregion/failure.h"
#include "sharedregion/user_mark.h"

namespace sharedregion {

// Makes it unless it is there. Fails where somebody else has the name: starts would not look.
Done make_user_mark(UserMark::Kind kind, const Uuid &activation);

// Whether a start would see it.
bool has_user_mark(UserMark::Kind kind, const Uuid &activation);

// Both kinds, as far as they are the caller's. `activation` is UserMark::begin_of().
void remove_user_marks(uint64_t activation);

} // namespace sharedregion
