// SPDX-License-Identifier: GPL-2.0-or-later
#include "builder/capture/tidy_path.h"

#include <sys/stat.h>

namespace sharedregion {

namespace {

bool is_plain_directory(const std::string &path) {
    struct stat info;
    return lstat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

} // namespace

std::string tidy_path(const std::string &path) {
    std::string tidy;
    for (size_t begin = 0; begin < path.size();) {
        size_t end = path.find('/', begin);
        end = end == std::string::npos ? path.size() : end;
        const std::string part = path.substr(begin, end - begin);
        begin = end + 1;
        if (part.empty() || part == ".")
            continue;
        if (part == ".." && !tidy.ends_with("/..") && is_plain_directory(tidy))
            tidy.erase(tidy.rfind('/'));
        else
            tidy += "/" + part;
    }
    return tidy;
}

} // namespace sharedregion
