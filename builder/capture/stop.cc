// SPDX-License-Identifier: GPL-2.0-or-later
#include "builder/capture/stop.h"

#include <cerrno>
#include <cstring>

namespace sharedregion {

Result<uint64_t> find_stop_point(ByteView code) {
    static constexpr unsigned char kEndbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};
    static constexpr unsigned char kMoveStackPointer[] = {0x48, 0x89, 0xe7}; // mov %rsp,%rdi
    static constexpr unsigned char kCall = 0xe8;                             // call rel32
    uint64_t at = 0;
    auto skip = [&](const unsigned char *bytes, uint64_t size) {
        bool same = code.contains(at, size) && std::memcmp(code.data() + at, bytes, size) == 0;
        at += same ? size : 0;
        return same;
    };
    skip(kEndbr64, sizeof kEndbr64);
    if (!skip(kMoveStackPointer, sizeof kMoveStackPointer))
        return Error{EINVAL, "ld.so's entry does not begin with mov %rsp,%rdi", at};
    if (!code.contains(at, 5) || code.data()[at] != kCall)
        return Error{EINVAL, "ld.so's entry does not call _dl_start next", at};
    return at + 5;
}

} // namespace sharedregion
