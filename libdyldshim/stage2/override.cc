// SPDX-License-Identifier: GPL-2.0-or-later
#include "libdyldshim/stage2/override.h"

#include "libdyldshim/shared/syscalls.h"
#include "libdyldshim/shared/user_set.h"

namespace sharedregion {
namespace {

// The first stage mapped the text for the set in the index.
bool map_more_text(const LaunchRequest &mapped, const LaunchRequest &own) {
    if (own.text_size <= mapped.text_size)
        return true;
    return !is_error(sys_mmap(own.region->base + mapped.text_size, own.text_size - mapped.text_size,
                              PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED_NOREPLACE, own.cache_fd,
                              mapped.text_size));
}

} // namespace

bool may_override(const Start &start) {
    const uint64_t user = start.args.value(AT_EUID);
    return start.request->set_fd < 0 && !start.request->no_own_set && start.program_known &&
           start.program_owner == user && user != 0 && user != kOverflowUser;
}

bool leave_to_tail(const Start &start) {
    FileIdentity identity;
    LaunchRequest own = *start.request;
    if (!start.request->in_kernel ||
        !find_user_set(start.args, UserMark::Kind::Instead, start.set.header().key, &own, &identity))
        return false;
    drop_user_set(&own);
    start.request->own_first = true;
    return true;
}

bool find_override(const Start &start, LaunchRequest *own, FileIdentity *identity) {
    if (!find_user_set(start.args, UserMark::Kind::Instead, start.set.header().key, own, identity))
        return false;
    if (map_more_text(*start.request, *own))
        return true;
    drop_user_set(own);
    return false;
}

} // namespace sharedregion
