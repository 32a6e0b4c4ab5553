// SPDX-License-Identifier: GPL-2.0-or-later
// Text from files, made harmless for a terminal. Hosted.
#pragma once

#include <string>

namespace sharedregion {

// Control characters (C0, DEL, and C1 in UTF-8) as \xNN: a file's name or content must not move the cursor,
// change a title or hide what follows. Everything else stays.
inline std::string printable(const std::string &text) {
    std::string result;
    auto escape = [&](unsigned char c) {
        constexpr char kDigits[] = "0123456789abcdef";
        result += {'\\', 'x', kDigits[c >> 4], kDigits[c & 15]};
    };
    for (size_t i = 0; i < text.size(); i++) {
        const auto c = static_cast<unsigned char>(text[i]);
        const bool c1 =
            c == 0xc2 && i + 1 < text.size() && (static_cast<unsigned char>(text[i + 1]) & 0xe0) == 0x80;
        if (c < 0x20 || c == 0x7f || c1)
            escape(c);
        else
            result += text[i];
        if (c1)
            escape(static_cast<unsigned char>(text[++i]));
    }
    return result;
}

} // namespace sharedregion
