// SPDX-License-Identifier: GPL-2.0-or-later
// System calls of the shim that must not go through libc: the interposed functions would meet themselves.
//
// Async-signal-safe, no lock, no allocation, no errno but in set_errno().
#pragma once

#include "libdyldshim/shared/strings.h"
#include "libdyldshim/shared/syscalls.h"

namespace sharedregion {

// errno as libc's functions leave it: -1 and errno for an error, else the result.
inline long set_errno(long result) {
    if (!is_error(result))
        return result;
    errno = static_cast<int>(-result);
    return -1;
}

inline long sys_execve(const char *path, char *const *argv, char *const *envp) {
    return syscall3(__NR_execve, as_word(path), as_word(argv), as_word(envp));
}
inline long sys_execveat(int directory, const char *path, char *const *argv, char *const *envp, int flags) {
    return syscall6(__NR_execveat, static_cast<uint64_t>(static_cast<int64_t>(directory)), as_word(path),
                    as_word(argv), as_word(envp), static_cast<unsigned>(flags));
}
inline long sys_fstatat(int directory, const char *path, struct stat *out, int flags) {
    return syscall6(__NR_newfstatat, static_cast<uint64_t>(static_cast<int64_t>(directory)), as_word(path),
                    as_word(out), static_cast<unsigned>(flags));
}
inline long sys_pread(int fd, void *buffer, uint64_t size, uint64_t offset) {
    return syscall6(__NR_pread64, static_cast<unsigned>(fd), as_word(buffer), size, offset);
}
inline bool read_exactly(int fd, void *buffer, uint64_t size, uint64_t offset) {
    return sys_pread(fd, buffer, size, offset) == static_cast<long>(size);
}
inline long sys_readlink(const char *path, char *buffer, uint64_t size) {
    return syscall3(__NR_readlink, as_word(path), as_word(buffer), size);
}
inline int sys_getpid() {
    return static_cast<int>(syscall3(__NR_getpid));
}

} // namespace sharedregion
