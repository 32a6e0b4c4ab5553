// SPDX-License-Identifier: GPL-2.0-or-later
// First stage of ld-dyld.so: decides whether this start may be prebuilt, and finds set and cache for it.
//
// Runs before anything is relocated, in the few KB of slack behind ld.so's text: no globals, no libc, no
// write outside the stack. Every doubt ends in the genuine entry point, as if we did not exist: the tail
// (shared/tail.h) leads there.
#include "libdyldshim/shared/start_from_cache.h"
#include "libdyldshim/shared/syscalls.h"
#include "libdyldshim/shared/tail.h"

extern "C" const sharedregion::LoaderConfig loader_config;
extern "C" const char _start[];

namespace sharedregion {

// Returns where to go on: see Tail.
extern "C" uint64_t stage1_main(uint64_t *stack) {
    StartArgs args(stack);
    Policy policy = read_policy(args);
    LaunchRequest request;
    request.report = policy.report;
    request.stack = stack;
    request.config = &loader_config;
    request.loader_base = as_word(&loader_config) - loader_config.address;
    request.detail = policy.variable;
    request.private_region = policy.private_region;
    JitReason reason = policy.reason;
    if (reason == JitReason::None && args.value(AT_ENTRY) == as_word(_start))
        reason = JitReason::Direct;
    if (reason == JitReason::None)
        reason = start_from_cache(args, policy, &request);
    PlainStart plain = {args, policy, request, reason};
    return reinterpret_cast<Tail>(request.loader_base + loader_config.tail)(&plain);
}

} // namespace sharedregion
