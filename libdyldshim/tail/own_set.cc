// SPDX-License-Identifier: GPL-2.0-or-later
#include "libdyldshim/tail/own_set.h"

#include "libdyldshim/shared/cache_text.h"
#include "libdyldshim/shared/program.h"
#include "libdyldshim/shared/syscalls.h"
#include "libdyldshim/shared/user_set.h"

namespace sharedregion {
namespace {

// ProgramChanged: the index has a set under this key, but of another file, such as a copy of this one.
bool is_unknown_program(JitReason reason) {
    return reason == JitReason::NoSet || reason == JitReason::ProgramChanged;
}

} // namespace

JitReason try_own_set(const PlainStart &start, LaunchRequest *request) {
    // (No user's set is for a start with the shim.)
    if (!is_unknown_program(start.reason) || request->region == nullptr || start.policy.preload != nullptr)
        return start.reason;
    ProgramImage program = find_program(start.args);
    LaunchRequest own = *request;
    if (!program.has_headers || !find_user_set(start.args, UserMark::Kind::Own, program.key, &own))
        return start.reason;
    if (request->set_mapping_size != 0) // the second stage mapped the set that it refused
        sys_munmap(request->set_mapping, request->set_mapping_size);
    *request = own;
    return try_set(request);
}

} // namespace sharedregion
