// SPDX-License-Identifier: GPL-2.0-or-later
#include "libdyldshim/tail/own_set.h"

#include "libdyldshim/shared/cache_text.h"
#include "libdyldshim/shared/program.h"
#include "libdyldshim/shared/region_file.h"
#include "libdyldshim/shared/syscalls.h"
#include "libdyldshim/shared/user_set.h"

namespace sharedregion {
namespace {

// ProgramChanged: the index has a set under this key, but of another file, such as a copy of this one.
bool is_unknown_program(JitReason reason) {
    return reason == JitReason::NoSet || reason == JitReason::ProgramChanged;
}

// The activation's sets once more, after the user's own one, which came first, did not hold.
JitReason try_region_again(uint64_t key, LaunchRequest *request) {
    drop_user_set(request);
    request->no_own_set = true;
    JitReason reason = JitReason::NoSet;
    for (uint64_t probe = 0; find_set(key, &probe, request);)
        reason = try_set(request);
    return reason;
}

} // namespace

JitReason try_own_set(const PlainStart &start, LaunchRequest *request) {
    // (No user's set is for a start with the shim.)
    if (!is_unknown_program(start.reason) || request->region == nullptr || start.policy.preload != nullptr)
        return start.reason;
    ProgramImage program = find_program(start.args);
    LaunchRequest own = *request;
    FileIdentity identity;
    UserMark::Kind kind = request->own_first ? UserMark::Kind::Instead : UserMark::Kind::Own;
    if (!program.has_headers || !find_user_set(start.args, kind, program.key, &own, &identity))
        return start.reason;
    if (request->set_mapping_size != 0) // the second stage mapped the set that it refused
        sys_munmap(request->set_mapping, request->set_mapping_size);
    *request = own;
    JitReason reason = try_set(request);
    return request->own_first ? try_region_again(program.key, request) : reason;
}

} // namespace sharedregion
