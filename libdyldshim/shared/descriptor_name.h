// SPDX-License-Identifier: GPL-2.0-or-later
// The name of an open file in /proc.
#pragma once

#include "libdyldshim/shared/strings.h"

namespace sharedregion {

struct DescriptorName {
    char text[32]; // /proc/self/fd/FD

    explicit DescriptorName(int fd) {
        TextBuffer out = {text, text + sizeof text - 1};
        append(&out, "/proc/self/fd/");
        append_number(&out, static_cast<unsigned>(fd));
        *out.at = 0;
    }
};

} // namespace sharedregion
