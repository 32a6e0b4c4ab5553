// SPDX-License-Identifier: GPL-2.0-or-later
// A mount namespace from which nothing is seen outside, also in a chroot. Hosted.
#pragma once

#include "sharedregion/failure.h"

#include <cerrno>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sharedregion {

// Moves root and working directory of this process to those of its mount namespace, which setns(2) does also
// for the namespace that the process is in.
inline Done leave_chroot() {
    const int self = int(syscall(SYS_pidfd_open, getpid(), 0));
    const bool left = self >= 0 && setns(self, CLONE_NEWNS) == 0;
    const int code = errno;
    if (self >= 0)
        close(self);
    return left ? Done(Success{})
                : Failure::system(code, "/", "cannot reach the mount that this chroot lies in");
}

// In a chroot "/" may be no mount point, and then no path leads to the mount that it lies in: the mounts are
// changed from outside of it. The process ends with `lost` where it cannot come back, so that it never starts
// anything outside.
inline Done make_slave_outside_chroot(int lost) {
    const int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC),
              directory = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    Done left = root < 0 || directory < 0 ? Done(Failure::system(errno, "/", "cannot open")) : leave_chroot();
    int code = 0;
    if (left.ok()) {
        code = mount("none", "/", nullptr, MS_REC | MS_SLAVE, nullptr) == 0 ? 0 : errno;
        if (fchdir(root) != 0 || chroot(".") != 0 || fchdir(directory) != 0)
            _exit(lost);
    }
    for (int fd : {root, directory})
        if (fd >= 0)
            close(fd);
    if (code != 0)
        return Failure::system(code, "/", "cannot make mounts private");
    return left;
}

// In a mount namespace of the caller's own: slave, not private, so that what is mounted here stays here, but
// file systems that are mounted or unmounted outside later are so here as well.
inline Done make_mounts_slave(int lost) {
    if (mount("none", "/", nullptr, MS_REC | MS_SLAVE, nullptr) == 0)
        return Success{};
    return errno == EINVAL ? make_slave_outside_chroot(lost)
                           : Done(Failure::system(errno, "/", "cannot make mounts private"));
}

} // namespace sharedregion
