// SPDX-License-Identifier: GPL-2.0-or-later
#include "libdyldshim/shared/start_from_cache.h"

#include "libdyldshim/shared/cache_text.h"
#include "libdyldshim/shared/program.h"
#include "libdyldshim/shared/region_file.h"
#include "libdyldshim/shared/strings.h"
#include "sharedregion/elf_view.h"

namespace sharedregion {
namespace {

// The variable must hold the very string that the sets were captured with.
JitReason check_preload(const Policy &policy, LaunchRequest *request) {
    if (policy.preload == nullptr)
        return JitReason::None;
    const RegionHeader &region = *request->region;
    const char *shim =
        reinterpret_cast<const char *>(&region) + region.strings.offset + region.shim_path.offset;
    if (*shim != 0 && equal_strings(policy.preload + sizeof kPreload - 1, shim))
        return JitReason::None;
    request->detail = policy.preload;
    return JitReason::EnvironmentSet;
}

// Tries the sets of this program; returns only with a reason why none of them will do.
JitReason try_sets(const StartArgs &args, const Policy &policy, LaunchRequest *request) {
    ProgramImage program = find_program(args);
    uint64_t key = policy.preload != nullptr ? shim_key(program.key) : program.key;
    request->program_bias = program.bias;
    request->no_own_set = policy.preload != nullptr; // they are captured without the shim
    JitReason reason = JitReason::NoSet;
    uint64_t probe = 0;
    while (program.has_headers && find_set(key, &probe, request))
        reason = try_set(request);
    return reason;
}

} // namespace

JitReason start_from_cache(const StartArgs &args, const Policy &policy, LaunchRequest *request) {
    JitReason reason = open_region_file(args, policy.state, request);
    if (reason == JitReason::None)
        reason = check_preload(policy, request);
    return reason == JitReason::None ? try_sets(args, policy, request) : reason;
}

} // namespace sharedregion
