// SPDX-License-Identifier: GPL-2.0-or-later
#include "builder/capture/debug_hook.h"

#include "sharedregion/units.h"

#include <cstring>

namespace sharedregion {

namespace {

constexpr unsigned char kEndbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};
constexpr unsigned char kReturn = 0xc3;

// Bytes of the no-operation instruction at the view's start, 0: it is another one. Assemblers fill with
// 90, with 0f 1f /0 of all lengths, and with prefixes 66 and 2e before it (Intel SDM vol. 2B, NOP).
size_t length_of_nop(const unsigned char *code, size_t size) {
    size_t at = 0;
    while (at < size && (code[at] == 0x66 || code[at] == 0x2e))
        at++;
    if (at < size && (code[at] == 0x90 || code[at] == 0xcc))
        return at + 1;
    if (size - at < 3 || code[at] != 0x0f || code[at + 1] != 0x1f)
        return 0;
    const unsigned char modrm = code[at + 2], mode = modrm >> 6;
    const bool sib = mode != 3 && (modrm & 7) == 4;
    const size_t displacement = mode == 1 ? 1 : mode == 2 ? 4 : 0;
    const size_t length = at + 3 + sib + displacement;
    return length <= size ? length : 0;
}

// Whether a function is just a return, with filling behind it for the hook.
bool is_empty_function(ByteView code) {
    size_t at = 0;
    if (code.contains(0, sizeof kEndbr64) && std::memcmp(code.data(), kEndbr64, sizeof kEndbr64) == 0)
        at = sizeof kEndbr64;
    if (!code.contains(at, 1) || code.data()[at++] != kReturn)
        return false;
    while (at < kDebugHookBytes) {
        size_t length = length_of_nop(code.data() + at, code.size() - at);
        if (length == 0)
            return false;
        at += length;
    }
    return true;
}

} // namespace

DebugHook find_debug_hook(uint64_t function, ByteView code, uint64_t data_begin, ByteView data_page) {
    const uint64_t slot = align_down(data_begin, 8) - 8;
    const auto *content = data_page.at<uint64_t>(slot % kPageSize);
    const bool in_first_page = data_begin % kPageSize >= 8;
    if (function == 0 || !is_empty_function(code) || !in_first_page || content == nullptr || *content != 0)
        return DebugHook{};
    return DebugHook{function, slot};
}

std::array<std::byte, kDebugHookBytes> debug_hook_code(const DebugHook &hook) {
    std::array<std::byte, kDebugHookBytes> code = {std::byte(0xff), std::byte(0x25)};
    auto distance = static_cast<uint32_t>(hook.slot - (hook.function + kDebugHookBytes));
    std::memcpy(&code[2], &distance, sizeof distance);
    return code;
}

} // namespace sharedregion
