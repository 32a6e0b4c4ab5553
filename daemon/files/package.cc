// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/files/package.h"

#include "daemon/files/other_root.h"

#include <cerrno>
#include <climits>
#include <fcntl.h>

namespace sharedregion {

namespace {

// /proc/self/exe names a file relative to the root directory, so it says nothing of use in another one: read
// before main().
const std::string kOwnPath = [] {
    char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self);
    return length <= 0 || length == sizeof self ? std::string() : std::string(self, length);
}();

} // namespace

Outcome<std::string> own_path() {
    if (kOwnPath.empty())
        return Failure::about("/proc/self/exe", "cannot find this program's directory; mount /proc",
                              Failure::kNoOffset, ENOENT);
    return kOwnPath;
}

Outcome<std::string> find_helper(const std::string &name) {
    std::string directory = TRY(own_path());
    directory.resize(directory.rfind('/'));
    for (const char *place : {"/", "/../lib/shared-region/", "/../lib/"})
        if (std::string path = (directory + place).append(name); can_access_of_machine(path.c_str(), R_OK))
            return path;
    return Failure::about(name, "not found beside dyldctl or in ../lib/shared-region; install it again",
                          Failure::kNoOffset, ENOENT);
}

Outcome<MappedFile> map_helper(const std::string &path) {
    return MappedFile::map(UniqueFd(open_of_machine(path.c_str(), O_RDONLY | O_NONBLOCK)), path);
}

FileIdentity helper_identity(const std::string &path) {
    UniqueFd fd(open_of_machine(path.c_str(), O_PATH));
    struct stat st;
    return fd.valid() && fstat(fd.get(), &st) == 0 ? identity_of(st) : FileIdentity{};
}

} // namespace sharedregion
