// SPDX-License-Identifier: GPL-2.0-or-later
// Debuggers and an ld.so that lies in the region.
//
// gdb learns of dlopen(3) by a breakpoint in _dl_debug_state of the interpreter that the kernel mapped
// (AT_BASE: ld-dyld.so, the same code at another address). The one in the region is an empty function; the
// cache's copy of it jumps to its twin at AT_BASE instead, through a word that each start fills in. That
// word is the last one before ld.so's writable segment, in the part of its first page that holds nothing:
// that page is written at each start anyway.
#pragma once

#include "sharedregion/result.h"
#include "sharedregion/view.h"

#include <array>
#include <cstddef>

namespace sharedregion {

// Offsets in ld.so; all 0: this ld.so gives no room, and a debugger that starts a prebuilt program
// does not notice its dlopen(3).
struct DebugHook {
    uint64_t function = 0;
    uint64_t slot = 0;
    explicit operator bool() const { return function != 0; }
};

inline constexpr size_t kDebugHookBytes = 6; // jmp *disp32(%rip)

// `code`: the bytes at `function`, up to kDebugHookRoom of them. `data_begin`: address of the writable
// segment's first byte, `data_page`: bytes of its first page.
inline constexpr size_t kDebugHookRoom = 16;
DebugHook find_debug_hook(uint64_t function, ByteView code, uint64_t data_begin, ByteView data_page);

// What replaces the first bytes of _dl_debug_state in the cache's text.
std::array<std::byte, kDebugHookBytes> debug_hook_code(const DebugHook &hook);

} // namespace sharedregion
