// SPDX-License-Identifier: GPL-2.0-or-later
// What is switched on for programs that nobody starts by `dyldctl run`.
#pragma once

#include "daemon/dyldctl/command.h"
#include "daemon/state/state.h"

namespace sharedregion {

// {"system": bool, "units": [NAME...], "substitution": null | {"in_force", "substituted"}}
Json enabled_status();

// After a build: a substitution that has ended because ld-dyld.so or the machine's ld.so was replaced is set
// again. (One that nobody set stays so.)
void renew_substitution(const Context &context, const StateDirectory &state);

} // namespace sharedregion
