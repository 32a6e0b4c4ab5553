// SPDX-License-Identifier: GPL-2.0-or-later
// FileIdentity (file_header.h) from what stat(2) says.
#pragma once

#include "sharedregion/file_header.h"

#include <sys/stat.h>

namespace sharedregion {

inline FileIdentity identity_of(const struct stat &info) {
    constexpr int64_t kSecond = 1000000000;
    return FileIdentity{info.st_dev, info.st_ino, static_cast<uint64_t>(info.st_size),
                        info.st_mtim.tv_sec * kSecond + info.st_mtim.tv_nsec,
                        info.st_ctim.tv_sec * kSecond + info.st_ctim.tv_nsec};
}

} // namespace sharedregion
