// SPDX-License-Identifier: GPL-2.0-or-later
// A user's mark: an empty file in /dev/shm which says that a start may find an own set in their home.
//
// A home may be slow or dead (NFS, FUSE, autofs), so a start looks there only if the mark is there, which
// takes one system call in memory. Nothing is trusted because of it: who plants one costs others the look.
#pragma once

#include "sharedregion/file_header.h"

namespace sharedregion {

// /proc/sys/kernel/overflowuid: in a user namespace everybody without an ID there looks like this user, the
// caller too, so owners prove nothing.
inline constexpr uint64_t kOverflowUser = 65534;

// Writes a number as 16 hexadecimal digits; the place behind them.
inline char *put_hex(char *at, uint64_t value) {
    for (unsigned shift = 64; shift != 0; *at++ = "0123456789abcdef"[value >> shift & 15])
        shift -= 4;
    return at;
}

// The path of one mark: of a user (as this user namespace numbers them) and an activation.
struct UserMark {
    // Own: for programs that the activation has no set of. Instead: for some that it has one of.
    enum class Kind { Own, Instead };

    char text[sizeof "/dev/shm/shared-region-instead-" + 20 + 1 + 16];

    UserMark(Kind kind, uint64_t user, uint64_t activation) {
        char *at =
            put(text, kind == Kind::Own ? "/dev/shm/shared-region-own-" : "/dev/shm/shared-region-instead-");
        char digits[20];
        unsigned count = 0;
        do
            digits[count++] = static_cast<char>('0' + user % 10);
        while ((user /= 10) != 0);
        while (count != 0)
            *at++ = digits[--count];
        *at++ = '-';
        *put_hex(at, activation) = 0;
    }
    UserMark(Kind kind, uint64_t user, const Uuid &activation) : UserMark(kind, user, begin_of(activation)) {}

    // What stands for an activation in names (also in UserSetName).
    static uint64_t begin_of(const Uuid &activation) {
        uint64_t begin;
        __builtin_memcpy(&begin, activation.bytes, sizeof begin);
        return begin;
    }

  private:
    static char *put(char *at, const char *from) {
        while (*from != 0)
            *at++ = *from++;
        return at;
    }
};

} // namespace sharedregion
