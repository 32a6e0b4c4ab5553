// SPDX-License-Identifier: GPL-2.0-or-later
#include "builder/capture/system_call_name.h"

#include <sys/syscall.h>

namespace sharedregion {

// clang-format off
#define SHAREDREGION_SYSTEM_CALLS(X)                                                                     \
    X(read) X(write) X(open) X(close) X(stat) X(fstat) X(lstat) X(poll) X(lseek) X(mmap) X(mprotect)     \
    X(munmap) X(brk) X(rt_sigaction) X(rt_sigprocmask) X(ioctl) X(writev) X(access) X(pipe)              \
    X(select) X(sched_yield) X(mremap) X(madvise) X(shmget) X(shmat) X(dup) X(dup2) X(nanosleep)         \
    X(alarm) X(setitimer) X(socket) X(connect) X(sendto) X(recvfrom) X(clone) X(fork) X(vfork)           \
    X(execve) X(kill) X(fcntl) X(flock) X(ftruncate) X(getdents) X(chdir) X(rename) X(mkdir)             \
    X(unlink) X(readlink) X(chmod) X(umask) X(ptrace) X(setuid) X(setgid) X(setsid) X(sigaltstack)       \
    X(personality) X(statfs) X(prctl) X(arch_prctl) X(setrlimit) X(mount) X(futex)                       \
    X(sched_setaffinity) X(sched_getaffinity) X(getdents64) X(set_tid_address) X(clock_nanosleep)        \
    X(tgkill) X(openat) X(newfstatat) X(unlinkat) X(readlinkat) X(set_robust_list) X(eventfd2)           \
    X(epoll_create1) X(pipe2) X(inotify_init1) X(prlimit64) X(seccomp) X(memfd_create) X(bpf)            \
    X(statx) X(rseq) X(io_uring_setup) X(clone3) X(close_range) X(pkey_mprotect)
// clang-format on

std::string system_call_name(uint64_t number) {
    switch (number) {
#define SHAREDREGION_X(name)                                                                                 \
    case SYS_##name:                                                                                         \
        return #name;
        SHAREDREGION_SYSTEM_CALLS(SHAREDREGION_X)
#undef SHAREDREGION_X
    default:
        return "system call " + std::to_string(number);
    }
}

} // namespace sharedregion
