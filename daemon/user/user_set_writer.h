// SPDX-License-Identifier: GPL-2.0-or-later
// From a set as the builder made it to the bytes of a user's file (user_set_format.h).
#pragma once

#include "sharedregion/failure.h"
#include "sharedregion/set_view.h"
#include "sharedregion/user_set_format.h"

#include <string>
#include <vector>

namespace sharedregion {

struct UserSetPlan {
    const RegionHeader *region;        // of the activation that it is for
    const SetView *set;                // checked: check_words() for this region
    std::vector<WritablePiece> pieces; // what it needs writable of the kernel's region; empty: not for that
    std::string state;                 // the state directory's path
    Uuid boot_id;
};

// The whole file, slid to the activation's base. The name is UserSetName(header.key, header.path_hash, ...).
std::vector<unsigned char> make_user_set(const UserSetPlan &plan);

// For UserSetHeader.state_hash.
uint64_t hash_state(const std::string &state);

} // namespace sharedregion
