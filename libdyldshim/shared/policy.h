// SPDX-License-Identifier: GPL-2.0-or-later
// What the environment and the auxiliary vector say about this start.
#pragma once

#include "libdyldshim/shared/launch.h"
#include "libdyldshim/shared/start_args.h"

namespace sharedregion {

inline constexpr char kPreload[] = "LD_PRELOAD=";

struct Policy {
    JitReason reason = JitReason::None; // other than None: do not try
    Report report = Report::Quiet;
    bool must = false;             // DYLD_USE_CLOSURES=2: a set, or an error
    bool build = false;            // DYLD_USE_CLOSURES=1: no set now, but build one
    bool private_region = false;   // DYLD_SHARED_REGION=private: not the kernel's region
    const char *state = nullptr;   // DYLD_SHARED_CACHE_DIR
    const char *preload = nullptr; // "LD_PRELOAD=value": plain unless it is the shim's path (check_preload())
    const char *variable = nullptr; // EnvironmentSet: which one ("NAME=value")
};

// Under AT_SECURE no DYLD_* variable is looked at: the start is plain and quiet.
Policy read_policy(const StartArgs &args);

} // namespace sharedregion
