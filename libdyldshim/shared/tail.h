// SPDX-License-Identifier: GPL-2.0-or-later
// The tail of ld-dyld.so: what is not on the way of a prebuilt start.
//
// The first stage has the few KB of slack behind ld.so's text, so it holds only what each start needs.
// The tail lies in a segment of its own, which make-ld-dyld appends: it costs each start one mapping,
// and page faults only where it runs. Both come from one build: make-ld-dyld compares their versions.
// Like the first stage it has no globals, no libc, no relocations.
#pragma once

#include "libdyldshim/shared/launch.h"
#include "libdyldshim/shared/policy.h"
#include "libdyldshim/shared/start_args.h"

namespace sharedregion {

inline constexpr char kTailMagic[8] = {'S', 'H', 'R', 'G', 'T', 'A', 'I', 'L'};
inline constexpr uint32_t kTailVersion = 5; // of everything below and of what it includes

// Behind the jump at the tail's first byte.
struct TailHeader {
    uint8_t entry[8];
    char magic[8];
    uint32_t version;
    uint32_t reserved;
};

// Why and how this start goes on: from a user's own set (tail/own_set.h), else by plain ld.so.
struct PlainStart {
    const StartArgs &args;
    const Policy &policy;
    LaunchRequest &request;
    JitReason reason; // Direct: the tail tries a prebuilt start itself (tail/direct.h)
};

// Tells the reason, if anybody asked; closes what the first stage opened. Returns where to go on: the
// genuine entry point, or a newer ld.so's (genuine.h).
using Tail = uint64_t (*)(PlainStart *start);

} // namespace sharedregion
