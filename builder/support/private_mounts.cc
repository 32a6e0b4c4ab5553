// SPDX-License-Identifier: GPL-2.0-or-later
#include "builder/support/private_mounts.h"

#include <cerrno>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

namespace sharedregion {

namespace {

constexpr char kDevice[] = "/dev/shared_region";

Done write_text(const char *path, const std::string &text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, text.data(), text.size()) == ssize_t(text.size());
    int code = errno;
    if (fd >= 0)
        close(fd);
    return written ? Done(Success{}) : Failure::system(code, path, "cannot write");
}

// user_namespaces(7): without privileges only in a user namespace; uid and gid stay what they are.
Done unshare_as_user() {
    const std::string uid = std::to_string(geteuid()), gid = std::to_string(getegid());
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
        return Failure::system(errno, "",
                               "cannot make a mount namespace, where the kernel module substitutes no ld.so");
    TRY(write_text("/proc/self/setgroups", "deny"));
    TRY(write_text("/proc/self/uid_map", uid + " " + uid + " 1"));
    return write_text("/proc/self/gid_map", gid + " " + gid + " 1");
}

Done unshare_mounts() {
    if (unshare(CLONE_NEWNS) == 0)
        return Success{};
    if (errno == EPERM)
        return unshare_as_user();
    return Failure::system(errno, "", "cannot make a mount namespace");
}

} // namespace

Done enter_private_mounts() {
    return access(kDevice, F_OK) == 0 ? unshare_mounts() : Done(Success{});
}

} // namespace sharedregion
