// SPDX-License-Identifier: GPL-2.0-or-later
// No library is loaded into shared-cache but those that it was linked with.
//
// oneTBB looks for an allocator, for libhwloc and for an OpenMP run time by dlopen(3), and does without.
// After chroot(2) into another system (--root) it would find that system's, made for another libc than the
// one in this process.
#include <dlfcn.h>

extern "C" void *dlopen(const char *, int) noexcept {
    return nullptr;
}
