// SPDX-License-Identifier: GPL-2.0-or-later
// System calls without libc: the kernel's own convention, a negative errno is the error.
//
// Source: System V ABI x86-64, appendix A.2.1 (Linux conventions).
#pragma once

#include <asm/unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>

namespace sharedregion {

inline long syscall6(long number, uint64_t a = 0, uint64_t b = 0, uint64_t c = 0, uint64_t d = 0,
                     uint64_t e = 0, uint64_t f = 0) {
    register uint64_t r10 asm("r10") = d;
    register uint64_t r8 asm("r8") = e;
    register uint64_t r9 asm("r9") = f;
    long result;
    asm volatile("syscall"
                 : "=a"(result)
                 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                 : "rcx", "r11", "memory");
    return result;
}

inline long syscall3(long number, uint64_t a = 0, uint64_t b = 0, uint64_t c = 0) {
    long result;
    asm volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}

// The file that the kernel executed.
inline constexpr char kOwnProgram[] = "/proc/self/exe";

template <class T> inline uint64_t as_word(T *pointer) {
    return reinterpret_cast<uint64_t>(pointer);
}

inline int sys_open(const char *path) {
    return static_cast<int>(syscall3(__NR_open, as_word(path), O_RDONLY | O_CLOEXEC));
}
inline int sys_openat(int directory, const char *path, int flags) {
    return static_cast<int>(
        syscall3(__NR_openat, static_cast<unsigned>(directory), as_word(path), static_cast<unsigned>(flags)));
}
inline void sys_close(int fd) {
    syscall3(__NR_close, static_cast<unsigned>(fd));
}
inline long sys_stat(const char *path, struct stat *out) {
    return syscall3(__NR_stat, as_word(path), as_word(out));
}
inline long sys_fstat(int fd, struct stat *out) {
    return syscall3(__NR_fstat, static_cast<unsigned>(fd), as_word(out));
}
inline long sys_read(int fd, void *buffer, uint64_t size) {
    return syscall3(__NR_read, static_cast<unsigned>(fd), as_word(buffer), size);
}
inline long sys_write(int fd, const void *buffer, uint64_t size) {
    return syscall3(__NR_write, static_cast<unsigned>(fd), as_word(buffer), size);
}
inline long sys_mmap(uint64_t address, uint64_t size, int protection, int flags, int fd, uint64_t offset) {
    return syscall6(__NR_mmap, address, size, static_cast<unsigned>(protection), static_cast<unsigned>(flags),
                    static_cast<uint64_t>(static_cast<int64_t>(fd)), offset);
}
inline void sys_munmap(uint64_t address, uint64_t size) {
    syscall3(__NR_munmap, address, size);
}
inline long sys_mprotect(uint64_t address, uint64_t size, uint32_t protection) {
    return syscall3(__NR_mprotect, address, size, protection);
}
[[noreturn]] inline void sys_exit(int status) {
    for (;;)
        syscall3(__NR_exit_group, static_cast<unsigned>(status));
}

// Whether a system call that returns an address failed (the last page of the address space is never one).
inline bool is_error(long result) {
    return static_cast<uint64_t>(result) > static_cast<uint64_t>(-4096L);
}

} // namespace sharedregion
