// SPDX-License-Identifier: GPL-2.0-or-later
// Functions that look at /proc/self/exe, interposed: they see the program, not ld-dyld.so.
//
// Every other path costs a comparison. What takes a file's name in another way (stat, access, a descriptor of
// /proc/self) sees what the kernel says (docs/limits.md).
#include "libdyldshim/preload/interposed.h"
#include "libdyldshim/preload/kernel.h"
#include "libdyldshim/preload/own_program.h"

#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

using namespace sharedregion;

extern "C" {
// Other names of libc's functions (libc.so.6, GLIBC_2.2.5 and 2.7).
int __open(const char *path, int flags, ...);
int __open64(const char *path, int flags, ...);
int __openat_2(int directory, const char *path, int flags);
FILE *_IO_fopen(const char *path, const char *mode);
}

namespace {

// What follows makes no use of its frame unless the path is one of ours: callers may have little stack
// (signal handlers), and a page of it that is touched for nothing costs every process a page fault.
template <class Result, class Call> [[gnu::noinline]] Result with_own_path(const char *path, Call call) {
    char own[PATH_MAX];
    return call(own_program_path(own, sizeof own) ? own : path);
}

template <class Call> auto with_real_path(const char *path, Call call) {
    if (__builtin_expect(is_own_program(path), 0))
        return with_own_path<decltype(call(path))>(path, call);
    return call(path);
}

// readlink(2) of our own executable as the kernel would answer; false: the kernel is to be asked.
[[gnu::noinline]] bool read_own_link(char *buffer, size_t size, ssize_t *result) {
    char own[PATH_MAX];
    if (size == 0 || !own_program_path(own, sizeof own))
        return false;
    uint64_t length = length_of(own);
    length = length < size ? length : size;
    __builtin_memcpy(buffer, own, length);
    *result = static_cast<ssize_t>(length);
    return true;
}

bool takes_mode(int flags) {
    return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
}

// openat(2) that may make a file: a cancellation point that has no other name in libc.
int create_at(int directory, const char *path, int flags, mode_t mode) {
    int type;
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &type);
    long result = syscall6(__NR_openat, static_cast<uint64_t>(static_cast<int64_t>(directory)), as_word(path),
                           static_cast<unsigned>(flags), mode);
    pthread_setcanceltype(type, nullptr);
    return static_cast<int>(set_errno(result));
}

int open_at(int directory, const char *path, int flags, mode_t mode) {
    return with_real_path(path, [=](const char *real) {
        return takes_mode(flags) ? create_at(directory, real, flags, mode)
                                 : __openat_2(directory, real, flags);
    });
}

[[noreturn]] void buffer_overflow() {
    static constexpr char kMessage[] = "*** buffer overflow detected ***: terminated\n";
    sys_write(2, kMessage, sizeof kMessage - 1);
    abort();
}

} // namespace

// The third or fourth argument of open(2) and openat(2), which is there only for some flags.
#define SHIM_MODE(mode, flags)                                                                               \
    mode_t mode = 0;                                                                                         \
    if (takes_mode(flags)) {                                                                                 \
        va_list list;                                                                                        \
        va_start(list, flags);                                                                               \
        (mode) = va_arg(list, mode_t);                                                                       \
        va_end(list);                                                                                        \
    }

extern "C" {

SHIM_EXPORT ssize_t readlinkat(int directory, const char *path, char *buffer, size_t size) {
    ssize_t result;
    if (is_own_program(path) && read_own_link(buffer, size, &result))
        return result;
    return set_errno(syscall6(__NR_readlinkat, static_cast<uint64_t>(static_cast<int64_t>(directory)),
                              as_word(path), as_word(buffer), size));
}

SHIM_EXPORT ssize_t readlink(const char *path, char *buffer, size_t size) {
    return readlinkat(AT_FDCWD, path, buffer, size);
}

SHIM_EXPORT ssize_t __readlink_chk(const char *path, char *buffer, size_t size, size_t room) {
    if (size > room)
        buffer_overflow();
    return readlinkat(AT_FDCWD, path, buffer, size);
}

SHIM_EXPORT ssize_t __readlinkat_chk(int directory, const char *path, char *buffer, size_t size,
                                     size_t room) {
    if (size > room)
        buffer_overflow();
    return readlinkat(directory, path, buffer, size);
}

SHIM_EXPORT char *realpath(const char *path, char *resolved) {
    auto *next = next_function<char *(const char *, char *)>("realpath");
    return with_real_path(path, [=](const char *real) { return next(real, resolved); });
}

SHIM_EXPORT char *__realpath_chk(const char *path, char *resolved, size_t room) {
    if (room < PATH_MAX)
        buffer_overflow();
    return realpath(path, resolved);
}

SHIM_EXPORT char *canonicalize_file_name(const char *path) {
    return realpath(path, nullptr);
}

SHIM_EXPORT int open(const char *path, int flags, ...) {
    SHIM_MODE(mode, flags)
    return with_real_path(path, [=](const char *real) { return __open(real, flags, mode); });
}

SHIM_EXPORT int open64(const char *path, int flags, ...) {
    SHIM_MODE(mode, flags)
    return with_real_path(path, [=](const char *real) { return __open64(real, flags, mode); });
}

SHIM_EXPORT int openat(int directory, const char *path, int flags, ...) {
    SHIM_MODE(mode, flags)
    return open_at(directory, path, flags, mode);
}

SHIM_EXPORT int openat64(int directory, const char *path, int flags, ...) {
    SHIM_MODE(mode, flags)
    return open_at(directory, path, flags, mode);
}

SHIM_EXPORT FILE *fopen(const char *path, const char *mode) {
    return with_real_path(path, [=](const char *real) { return _IO_fopen(real, mode); });
}

SHIM_EXPORT FILE *fopen64(const char *path, const char *mode) {
    return with_real_path(path, [=](const char *real) { return _IO_fopen(real, mode); });
}
}
