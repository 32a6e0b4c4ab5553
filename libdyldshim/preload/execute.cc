// SPDX-License-Identifier: GPL-2.0-or-later
#include "libdyldshim/preload/execute.h"

#include "libdyldshim/preload/kernel.h"
#include "libdyldshim/preload/launch_plan.h"
#include "libdyldshim/preload/own_program.h"

#include <alloca.h>
#include <limits.h>
#include <paths.h>
#include <stdlib.h>
#include <unistd.h>

namespace sharedregion {
namespace {

constexpr char kDefaultPath[] = "/bin:/usr/bin"; // confstr(_CS_PATH) of glibc

// Comes back where the kernel did not take it (a longer list may be too long, the state may be gone): then
// the program starts plainly. Apart from execute(), so that its list lies on the stack only meanwhile.
[[gnu::noinline]] void execute_by_loader(LaunchPlan *plan, const char *path, char *const *argv,
                                         char *const *envp) {
    auto **list = static_cast<char **>(alloca((plan->arguments + kMoreArguments) * sizeof(char *)));
    make_arguments(plan, path, argv, list);
    sys_execve(plan->loader.text, list, envp);
}

// What execveat(2) executes, by a descriptor that ld-dyld.so closes: so it is that very file, whatever
// becomes of its name meanwhile, and of a descriptor with FD_CLOEXEC. Comes back as execute_by_loader() does.
[[gnu::noinline]] void execute_file_by_loader(LaunchPlan *plan, int directory, const char *path,
                                              char *const *argv, char *const *envp) {
    char name[kMaxState]; // AT_EXECFN as the kernel makes it; a longer one starts plainly
    TextBuffer text = {name, name + sizeof name - 1}, digits = {plan->fd, plan->fd + sizeof plan->fd - 1};
    append(&text, "/dev/fd/");
    append_number(&text, static_cast<unsigned>(directory));
    append(&text, *path != 0 ? "/" : "");
    append(&text, path);
    *text.at = 0;
    const int fd = *path != 0 ? sys_openat(directory, path, O_PATH)
                              : static_cast<int>(syscall3(__NR_fcntl, static_cast<unsigned>(directory),
                                                          F_DUPFD, STDERR_FILENO + 1));
    if (fd < 0)
        return;
    append_number(&digits, static_cast<unsigned>(fd));
    *digits.at = 0;
    if (text.at != text.end)
        execute_by_loader(plan, name, argv, envp);
    sys_close(fd);
}

// execve(2) of a path that is not another name of our own executable.
[[gnu::noinline]] long execute_path(const char *path, const struct stat &info, char *const *argv,
                                    char *const *envp) {
    LaunchPlan plan;
    if (plan_launch(path, info, argv, envp, &plan))
        execute_by_loader(&plan, path, argv, envp);
    return sys_execve(path, argv, envp);
}

[[gnu::noinline]] long execute_own_program(const char *name, char *const *argv, char *const *envp) {
    char path[PATH_MAX];
    struct stat info;
    if (!is_started_by_loader(path, sizeof path))
        return sys_execve(name, argv, envp);
    if (!own_program_path(path, sizeof path) || sys_stat(path, &info) != 0)
        return -ENOENT;
    return execute_path(path, info, argv, envp);
}

// A text file without #!: execvp(3) lets the shell read it.
[[gnu::noinline]] long execute_by_shell(const char *file, char *const *argv, char *const *envp) {
    uint64_t count = 0;
    while (argv[count] != nullptr)
        count++;
    static constexpr char kShell[] = _PATH_BSHELL;
    auto **list = static_cast<char **>(alloca((count + 3) * sizeof(char *)));
    uint64_t size = 0;
    list[size++] = const_cast<char *>(kShell);
    list[size++] = const_cast<char *>(file);
    for (uint64_t i = 1; i < count; i++)
        list[size++] = argv[i];
    list[size] = nullptr;
    return execute(kShell, list, envp);
}

long execute_file(const char *file, char *const *argv, char *const *envp) {
    long result = execute(file, argv, envp);
    return result == -ENOEXEC ? execute_by_shell(file, argv, envp) : result;
}

// Whether the search goes on in the next directory after this error. Source: glibc posix/execvpe.c.
bool goes_on(long result) {
    return result == -EACCES || result == -ENOENT || result == -ESTALE || result == -ENOTDIR ||
           result == -ENODEV || result == -ETIMEDOUT;
}

// Bytes of the longest directory in `path`, a PATH, that can be searched.
uint64_t longest_directory(const char *path) {
    uint64_t longest = 0;
    for (uint64_t size = 0;; path++) {
        if (*path != 0 && *path != ':') {
            size++;
            continue;
        }
        longest = size > longest && size < PATH_MAX ? size : longest;
        size = 0;
        if (*path == 0)
            return longest;
    }
}

// DIRECTORY/FILE, or FILE alone for an empty directory.
void join(char *out, const char *directory, uint64_t size, const char *file, uint64_t file_size) {
    __builtin_memcpy(out, directory, size);
    out += size;
    if (size != 0)
        *out++ = '/';
    __builtin_memcpy(out, file, file_size + 1);
}

} // namespace

long execute(const char *path, char *const *argv, char *const *envp) {
    // The kernel looks at the path first: it says EFAULT where reading it here would be a crash.
    struct stat info;
    if (sys_stat(path, &info) != 0)
        return sys_execve(path, argv, envp);
    return is_own_program(path) ? execute_own_program(path, argv, envp)
                                : execute_path(path, info, argv, envp);
}

long execute_at(int directory, const char *path, char *const *argv, char *const *envp, int flags) {
    struct stat info;
    LaunchPlan plan;
    // Before 5.8 the kernel refuses what it is asked here; from 6.11 on it takes no path for an empty one.
    if ((flags & ~AT_EMPTY_PATH) == 0 && path != nullptr && sys_fstatat(directory, path, &info, flags) == 0) {
        if (*path != 0 && (*path == '/' || directory == AT_FDCWD))
            return execute(path, argv, envp);
        if (directory >= 0 && plan_launch_at(directory, path, flags, info, argv, envp, &plan))
            execute_file_by_loader(&plan, directory, path, argv, envp);
    }
    return sys_execveat(directory, path, argv, envp, flags);
}

long execute_in_path(const char *file, char *const *argv, char *const *envp) {
    if (*file == 0)
        return -ENOENT;
    uint64_t file_size = 0;
    bool slash = false;
    for (; file[file_size] != 0; file_size++)
        slash = slash || file[file_size] == '/';
    if (slash)
        return execute_file(file, argv, envp);
    if (file_size > NAME_MAX)
        return -ENAMETOOLONG;
    const char *path = getenv("PATH");
    path = path != nullptr ? path : kDefaultPath;
    bool denied = false;
    long result = -ENOENT;
    auto *candidate = static_cast<char *>(alloca(longest_directory(path) + file_size + 2));
    for (const char *at = path;; at++) {
        const char *begin = at;
        while (*at != 0 && *at != ':')
            at++;
        auto size = static_cast<uint64_t>(at - begin);
        if (size < PATH_MAX) {
            join(candidate, begin, size, file, file_size);
            result = execute_file(candidate, argv, envp);
            if (!goes_on(result))
                return result;
            denied = denied || result == -EACCES;
        }
        if (*at == 0)
            break;
    }
    return denied ? -EACCES : result;
}

} // namespace sharedregion
