// SPDX-License-Identifier: GPL-2.0-or-later
// The exec family, interposed: exec(3), execve(2), execveat(2), fexecve(3).
#include "libdyldshim/preload/execute.h"
#include "libdyldshim/preload/interposed.h"
#include "libdyldshim/preload/kernel.h"

#include <alloca.h>
#include <stdarg.h>
#include <unistd.h>

using namespace sharedregion;

namespace {

int failed(long result) {
    return static_cast<int>(set_errno(result));
}

// libc's header declares arguments as never null, and the compiler believes it; callers pass null all the
// same.
template <class T> bool is_null(T *pointer) {
    asm("" : "+r"(pointer));
    return pointer == nullptr;
}

// Number of arguments of an execl(), from the second one on up to the null pointer.
uint64_t count_list(va_list list) {
    uint64_t count = 0;
    while (va_arg(list, char *) != nullptr)
        count++;
    return count;
}

// Puts the arguments of an execl() into `argv`, null pointer included; `list` then stands behind it.
void take_list(const char *first, va_list list, char **argv) {
    *argv++ = const_cast<char *>(first);
    if (first == nullptr)
        return;
    do
        *argv = va_arg(list, char *);
    while (*argv++ != nullptr);
}

} // namespace

// The argument list of an execl() lies in the frame of the function that uses it.
#define SHIM_COLLECT(argv, first)                                                                            \
    va_list list;                                                                                            \
    va_start(list, first);                                                                                   \
    uint64_t count = (first) != nullptr ? count_list(list) : 0;                                              \
    va_end(list);                                                                                            \
    auto **argv = static_cast<char **>(alloca((count + 2) * sizeof(char *)));                                \
    va_start(list, first);                                                                                   \
    take_list(first, list, argv)

extern "C" {

SHIM_EXPORT int execve(const char *path, char *const argv[], char *const envp[]) {
    return failed(execute(path, argv, envp));
}

SHIM_EXPORT int execv(const char *path, char *const argv[]) {
    return failed(execute(path, argv, environ));
}

SHIM_EXPORT int execvp(const char *file, char *const argv[]) {
    return failed(execute_in_path(file, argv, environ));
}

SHIM_EXPORT int execvpe(const char *file, char *const argv[], char *const envp[]) {
    return failed(execute_in_path(file, argv, envp));
}

SHIM_EXPORT int execl(const char *path, const char *first, ...) {
    SHIM_COLLECT(argv, first);
    va_end(list);
    return failed(execute(path, argv, environ));
}

SHIM_EXPORT int execlp(const char *file, const char *first, ...) {
    SHIM_COLLECT(argv, first);
    va_end(list);
    return failed(execute_in_path(file, argv, environ));
}

SHIM_EXPORT int execle(const char *path, const char *first, ...) {
    SHIM_COLLECT(argv, first);
    char **envp = va_arg(list, char **);
    va_end(list);
    return failed(execute(path, argv, envp));
}

SHIM_EXPORT int execveat(int directory, const char *path, char *const argv[], char *const envp[], int flags) {
    return failed(execute_at(directory, path, argv, envp, flags));
}

SHIM_EXPORT int fexecve(int fd, char *const argv[], char *const envp[]) {
    if (fd < 0 || is_null(argv) || is_null(envp))
        return failed(-EINVAL);
    return failed(execute_at(fd, "", argv, envp, AT_EMPTY_PATH));
}
}
