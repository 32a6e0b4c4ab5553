// SPDX-License-Identifier: GPL-2.0-or-later
// Whether the kernel would start a program in secure mode (AT_SECURE), which is always plain ld.so.
//
// Hosted: builder (such a program needs no set) and dyldctl (`why` cannot ask it).
#pragma once

#include <string>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace sharedregion {

// For the caller's own start of it (security/commoncap.c, cap_bprm_creds_from_file): root that starts a
// set-user-ID root program, or one with file capabilities, gains nothing and is not in secure mode.
inline bool starts_secure(const std::string &path, const struct stat &info) {
    bool set_uid = (info.st_mode & S_ISUID) != 0 && info.st_uid != getuid();
    bool set_gid = (info.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && info.st_gid != getgid();
    bool capable = getuid() != 0 && getxattr(path.c_str(), "security.capability", nullptr, 0) > 0;
    return set_uid || set_gid || capable;
}

// Whether any start of the file could give the process other rights than its caller has.
inline bool gives_rights(const std::string &path) {
    struct stat info;
    return stat(path.c_str(), &info) != 0 || (info.st_mode & (S_ISUID | S_ISGID)) != 0 ||
           getxattr(path.c_str(), "security.capability", nullptr, 0) > 0;
}

} // namespace sharedregion
