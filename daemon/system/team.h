// SPDX-License-Identifier: GPL-2.0-or-later
// Team IDs: programs with the extended attribute security.sharedregion.team have regions of their own, at
// bases of their own (docs/kernel-abi.md).
#pragma once

#include "sharedregion/failure.h"

#include <string>
#include <vector>

namespace sharedregion {

// That of this process; empty: none.
const std::string &own_team();

// The module takes the team from the caller's executable. So this executes the running program once more,
// from a copy in memory with that attribute; it comes back where it is such a copy already, or where that
// fails.
Done join_team(const std::string &team, char *const *arguments);

// `dyldctl ARGUMENTS` as a member of a team (empty: of none), for this process's root directory; `about` is
// for the message. What goes wrong there is told on standard error.
Done run_as_member(const std::string &team, const std::vector<std::string> &arguments,
                   const std::string &about);

} // namespace sharedregion
