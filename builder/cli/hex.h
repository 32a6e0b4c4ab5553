// SPDX-License-Identifier: GPL-2.0-or-later
// Bytes as hexadecimal text.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

namespace sharedregion {

inline std::string to_hex(const unsigned char *bytes, size_t size) {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    for (size_t i = 0; i < size; i++) {
        text += kDigits[bytes[i] >> 4];
        text += kDigits[bytes[i] & 15];
    }
    return text;
}

inline std::string hex_number(uint64_t value) {
    char text[20];
    snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
    return text;
}

} // namespace sharedregion
