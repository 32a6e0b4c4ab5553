// SPDX-License-Identifier: GPL-2.0-or-later
// What all parts of the second stage work on: one start of one program from one set.
#pragma once

#include "libdyldshim/shared/launch.h"
#include "libdyldshim/shared/start_args.h"
#include "sharedregion/set_view.h"

namespace sharedregion {

struct Start {
    LaunchRequest *request;
    const StartArgs &args;
    const SetView &set;
    // Found by check_validity():
    uint64_t thread_stack = 0;  // value of FixupClass::StackLimit
    bool program_known = false; // the executable's file is the set's
    uint64_t program_owner = 0; // and belongs to this user

    const RegionHeader &region() const { return *request->region; }
    // Address of an offset of a space in this process.
    uint64_t base_of(Space space) const {
        return space == Space::Region ? region().base : request->program_bias;
    }
    // Whether the process has to map a place of the region itself: all of it without the kernel's region.
    bool is_own(uint64_t offset) const {
        return !request->in_kernel || (offset >= region().own_begin && offset < region().own_end);
    }
    // A string of the region file, as a reason's detail: it outlives the set's mappings.
    JitReason because(JitReason reason, const char *detail) const {
        request->detail = detail;
        return reason;
    }
};

} // namespace sharedregion
