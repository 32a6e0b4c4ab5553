// SPDX-License-Identifier: GPL-2.0-or-later
// posix_spawn(3) and posix_spawnp(3), interposed: libc's own ones with another program and list.
//
// The decision is made in the parent, before the file actions: so only for absolute paths, which a change of
// directory among them does not move, and not where the child gets other ids (POSIX_SPAWN_RESETIDS).
#include "libdyldshim/preload/spawn.h"

#include "libdyldshim/preload/interposed.h"
#include "libdyldshim/preload/kernel.h"
#include "libdyldshim/preload/launch_plan.h"
#include "libdyldshim/preload/own_program.h"

#include <alloca.h>
#include <limits.h>
#include <stdlib.h>

namespace sharedregion {
namespace {

bool keeps_ids(const posix_spawnattr_t *attributes) {
    short flags = 0;
    return attributes == nullptr ||
           (posix_spawnattr_getflags(attributes, &flags) == 0 && (flags & POSIX_SPAWN_RESETIDS) == 0);
}

// What posix_spawn(3) is asked for, but for the path.
struct Request {
    pid_t *pid;
    const posix_spawn_file_actions_t *actions;
    const posix_spawnattr_t *attributes;
    char *const *argv;
    char *const *envp;
};

using Spawn = int(pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *,
                  char *const *, char *const *);

int spawn_plainly(const char *function, const char *path, const Request &request) {
    return next_function<Spawn>(function)(request.pid, path, request.actions, request.attributes,
                                          request.argv, request.envp);
}

// Errors that execve(2) may give of the loader or the longer list: then the program is spawned plainly, which
// gives the same error again where it was about what was asked for. (File actions are done twice then.)
bool may_be_about_loader(int error) {
    switch (error) {
    case E2BIG:
    case EACCES:
    case EINVAL:
    case ELIBBAD:
    case ELOOP:
    case ENOENT:
    case ENOEXEC:
    case ENOMEM:
    case EPERM:
    case ETXTBSY:
        return true;
    default:
        return false;
    }
}

// False: was not done, and is to be done plainly.
[[gnu::noinline]] bool spawn_by_loader(LaunchPlan *plan, const char *path, const Request &request,
                                       int *error) {
    auto **list = static_cast<char **>(alloca((plan->arguments + kMoreArguments) * sizeof(char *)));
    make_arguments(plan, path, request.argv, list);
    *error = next_function<Spawn>("posix_spawn")(request.pid, plan->loader.text, request.actions,
                                                 request.attributes, list, request.envp);
    return !may_be_about_loader(*error);
}

// What posix_spawnp(3) would find: the first executable file in PATH, as far as all directories up to it
// are absolute. False: there is none, or libc has to find it.
bool find_in_path(const char *file, char *out, struct stat *info) {
    const uint64_t file_size = length_of(file);
    const char *at = getenv("PATH");
    for (at = at != nullptr ? at : "/bin:/usr/bin"; *at == '/';) {
        const char *end = at;
        while (*end != 0 && *end != ':')
            end++;
        auto size = static_cast<uint64_t>(end - at);
        if (file_size > NAME_MAX || size + 1 + file_size >= PATH_MAX)
            return false;
        __builtin_memcpy(out, at, size);
        out[size] = '/';
        __builtin_memcpy(out + size + 1, file, file_size + 1);
        if (sys_stat(out, info) == 0 && S_ISREG(info->st_mode) && may_execute(out))
            return true;
        if (*end == 0)
            return false;
        at = end + 1;
    }
    return false;
}

// False: was not done, and is to be done plainly. `info` is of the path.
bool spawn_by_set(const char *path, const struct stat &info, const Request &request, int *error) {
    LaunchPlan plan;
    return *path == '/' && keeps_ids(request.attributes) &&
           plan_launch(path, info, request.argv, request.envp, &plan) &&
           spawn_by_loader(&plan, path, request, error);
}

int spawn(const char *path, const struct stat &info, const Request &request) {
    int error;
    return spawn_by_set(path, info, request, &error) ? error : spawn_plainly("posix_spawn", path, request);
}

[[gnu::noinline]] int spawn_own_program(const char *name, const Request &request) {
    char path[PATH_MAX];
    struct stat info;
    if (!is_started_by_loader(path, sizeof path))
        return spawn_plainly("posix_spawn", name, request);
    return own_program_path(path, sizeof path) && sys_stat(path, &info) == 0 ? spawn(path, info, request)
                                                                             : ENOENT;
}

} // namespace

bool spawn_prebuilt(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                    const posix_spawnattr_t *attributes, char *const *argv, char *const *envp, int *error) {
    struct stat info;
    return sys_stat(path, &info) == 0 &&
           spawn_by_set(path, info, {pid, actions, attributes, argv, envp}, error);
}

} // namespace sharedregion

using namespace sharedregion;

extern "C" {

SHIM_EXPORT int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                            const posix_spawnattr_t *attributes, char *const argv[], char *const envp[]) {
    const Request request = {pid, actions, attributes, argv, envp};
    // The kernel looks at the path first: it says EFAULT where reading it here would be a crash.
    struct stat info;
    if (sys_stat(path, &info) != 0)
        return spawn_plainly("posix_spawn", path, request);
    return is_own_program(path) ? spawn_own_program(path, request) : spawn(path, info, request);
}

SHIM_EXPORT int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
                             const posix_spawnattr_t *attributes, char *const argv[], char *const envp[]) {
    if (has_slash(file))
        return posix_spawn(pid, file, actions, attributes, argv, envp);
    const Request request = {pid, actions, attributes, argv, envp};
    int error;
    char path[PATH_MAX];
    struct stat info;
    if (*file != 0 && find_in_path(file, path, &info) && spawn_by_set(path, info, request, &error))
        return error;
    return spawn_plainly("posix_spawnp", file, request);
}
}
