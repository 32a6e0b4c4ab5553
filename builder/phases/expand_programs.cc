// SPDX-License-Identifier: GPL-2.0-or-later
// See expand_programs.h.
#include "builder/phases/expand_programs.h"

#include "builder/support/file.h"

#include <cstring>
#include <dirent.h>
#include <elf.h>
#include <set>

namespace sharedregion {

namespace {

bool is_executable_elf(const std::string &path) {
    struct stat status;
    if (stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode) || (status.st_mode & 0111) == 0)
        return false;
    Outcome<FileDescriptor> file = open_to_read(path);
    if (!file.ok())
        return false;
    auto magic = read_at(file.value().get(), 0, SELFMAG, path);
    return magic.ok() && magic.value().size() == SELFMAG &&
           std::memcmp(magic.value().data(), ELFMAG, SELFMAG) == 0;
}

void add(const std::string &path, std::set<std::string> *result) {
    Outcome<std::string> canonical = canonical_path(path);
    result->insert(canonical.ok() ? canonical.value() : path);
}

void add_directory(DIR *directory, const std::string &path, std::set<std::string> *result) {
    while (const dirent *entry = readdir(directory)) {
        std::string file = path + "/" + entry->d_name;
        if (is_executable_elf(file))
            add(file, result);
    }
}

} // namespace

std::vector<std::string> expand_programs(const std::vector<std::string> &paths) {
    std::set<std::string> result;
    for (const std::string &path : paths) {
        DIR *directory = opendir(path.c_str());
        if (directory == nullptr) {
            add(path, &result);
            continue;
        }
        add_directory(directory, path, &result);
        closedir(directory);
    }
    return {result.begin(), result.end()};
}

} // namespace sharedregion
