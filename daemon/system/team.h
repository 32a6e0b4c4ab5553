// SPDX-License-Identifier: GPL-2.0-or-later
// Team IDs: programs with the extended attribute security.sharedregion.team have regions of their own, at
// bases of their own (docs/kernel-abi.md).
#pragma once

#include "sharedregion/failure.h"

#include <string>

namespace sharedregion {

// The module takes the team from the caller's executable. So this executes the running program once more,
// from a copy in memory with that attribute; it comes back where it is such a copy already, or where that
// fails.
Done join_team(const std::string &team, char *const *arguments);

} // namespace sharedregion
