// SPDX-License-Identifier: GPL-2.0-or-later
// Opening files whose names and kinds somebody else chose. Hosted.
#pragma once

#include "sharedregion/failure.h"

#include <cerrno>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sharedregion {

// Which links a path may lead through. After chroot(2) no symbolic link leads out of the root directory, but
// magic links of a /proc that is visible there do (/proc/PID/root): NotMagic refuses them (openat2(2),
// ELOOP).
enum class Links : uint64_t { All = 0, NotMagic = RESOLVE_NO_MAGICLINKS };

// As openat(2) with O_CLOEXEC.
inline int open_at(int at, const char *path, int flags, mode_t mode, Links links) {
    if (links == Links::All)
        return openat(at, path, flags | O_CLOEXEC, mode);
    open_how how = {};
    how.flags = uint64_t(flags) | O_CLOEXEC;
    how.mode = mode;
    how.resolve = uint64_t(links);
    return int(syscall(SYS_openat2, at, path, &how, sizeof how));
}

// Why open_at() failed, which was about to be `doing`.
inline Failure open_failure(int code, const std::string &path, const char *doing, Links links) {
    if (code == ELOOP && links == Links::NotMagic)
        return Failure::about(path, "leads through a link of /proc, or too many links: refused",
                              Failure::kNoOffset, code);
    return Failure::system(code, path, doing);
}

// Opens a regular file; anything else is refused. It is looked at before it is opened, since opening a FIFO
// waits and opening a device may do anything, and once more afterwards. `path` is for messages.
inline Outcome<int> open_regular(int at, const std::string &name, int flags, mode_t mode,
                                 const std::string &path, Links links = Links::All) {
    struct stat st;
    const int look = open_at(at, name.c_str(), O_PATH | (flags & O_NOFOLLOW), 0, links);
    const bool refused = look >= 0 && fstat(look, &st) == 0 && !S_ISREG(st.st_mode);
    if (look >= 0)
        close(look);
    const int fd = refused ? -1 : open_at(at, name.c_str(), flags | O_NONBLOCK | O_NOCTTY, mode, links);
    if (fd < 0 && !refused)
        return open_failure(errno, path, "cannot open", links);
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        return int(fd);
    if (fd >= 0)
        close(fd);
    return Failure::about(path, "not a regular file");
}

} // namespace sharedregion
