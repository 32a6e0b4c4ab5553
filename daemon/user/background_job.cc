// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/user/background_job.h"

#include "daemon/user/user_directory.h"

#include <fcntl.h>

namespace sharedregion {

namespace {

// KEY-PATH-ACTIVATION of the lock; empty: descriptor 3 is no lock.
std::string locked_stem() {
    char target[4096];
    const std::string link = "/proc/self/fd/" + std::to_string(kLockDescriptor), suffix = ".lock";
    ssize_t size = readlink(link.c_str(), target, sizeof target);
    std::string name(target, size > 0 ? static_cast<size_t>(size) : 0);
    name.erase(0, name.rfind('/') + 1);
    if (!is_user_set_name(name) || !name.ends_with(suffix))
        return "";
    return name.substr(0, name.size() - suffix.size());
}

} // namespace

void begin_background_job() {
    (void)fcntl(kLockDescriptor, F_SETFD, FD_CLOEXEC);
}

void end_background_job(const std::string &refusal) {
    const std::string stem = locked_stem();
    Outcome<UserDirectory> directory = UserDirectory::open();
    if (stem.empty() || !directory.ok() || !directory.value().is_named(kLockDescriptor, stem + ".lock"))
        return;
    if (refusal.empty())
        (void)directory.value().remove(stem + ".failed");
    else
        (void)directory.value().write(stem + ".failed", refusal.data(), refusal.size());
    (void)directory.value().remove(stem + ".lock");
}

} // namespace sharedregion
