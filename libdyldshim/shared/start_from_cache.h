// SPDX-License-Identifier: GPL-2.0-or-later
// A start from the activated region: everything between the policy and the reason why not.
#pragma once

#include "libdyldshim/shared/launch.h"
#include "libdyldshim/shared/policy.h"

namespace sharedregion {

// Does not return if the program that `args` describes can start from one of its sets. With LD_PRELOAD that
// is one captured with this shim preloaded, and the variable names nothing else; else a plain one.
JitReason start_from_cache(const StartArgs &args, const Policy &policy, LaunchRequest *request);

} // namespace sharedregion
