// SPDX-License-Identifier: GPL-2.0-or-later
// FileIdentity (file_header.h) from what stat(2) says.
#pragma once

#include "sharedregion/file_header.h"

#include <sys/stat.h>

namespace sharedregion {

inline FileIdentity identity_of(const struct stat &st) {
    constexpr int64_t kSecond = 1000000000;
    return FileIdentity{st.st_dev, st.st_ino, static_cast<uint64_t>(st.st_size),
                        st.st_mtim.tv_sec * kSecond + st.st_mtim.tv_nsec,
                        st.st_ctim.tv_sec * kSecond + st.st_ctim.tv_nsec};
}

} // namespace sharedregion
