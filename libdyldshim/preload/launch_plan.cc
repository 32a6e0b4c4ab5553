// SPDX-License-Identifier: GPL-2.0-or-later
#include "libdyldshim/preload/launch_plan.h"

#include "libdyldshim/preload/kernel.h"
#include "libdyldshim/preload/program_file.h"
#include "libdyldshim/preload/set_lookup.h"
#include "sharedregion/file_identity.h"
#include "sharedregion/state_names.h"

#include <unistd.h>

namespace sharedregion {
namespace {

// Number of arguments; 0: none, or more than can be handled.
uint64_t count_arguments(char *const *argv) {
    uint64_t count = 0;
    while (argv[count] != nullptr)
        if (++count > kMaxArguments)
            return 0;
    return count;
}

// Whether a path may lead through a descriptor: it may be closed by the exec, or be another one in the child.
bool is_of_process(const char *path) {
    while (path[0] == '/' && path[1] == '/')
        path++;
    return after_prefix(path, "/proc/") != nullptr || after_prefix(path, "/dev/") != nullptr;
}

// Whether a child has the privilege that this process has: else the kernel says AT_SECURE, and there is no
// prebuilt start.
bool has_equal_ids() {
    return syscall3(__NR_getuid) == syscall3(__NR_geteuid) && syscall3(__NR_getgid) == syscall3(__NR_getegid);
}

bool may_execute_at(int directory, const char *path, int flags) {
    return syscall6(__NR_faccessat2, static_cast<uint64_t>(static_cast<int64_t>(directory)), as_word(path),
                    R_OK | X_OK, static_cast<unsigned>(AT_EACCESS | flags)) == 0;
}

} // namespace

bool may_execute(const char *path) {
    return may_execute_at(AT_FDCWD, path, 0);
}

bool plan_launch(const char *path, const struct stat &info, char *const *argv, char *const *envp,
                 LaunchPlan *plan) {
    // Without a slash ld.so would search a library of that name.
    return has_slash(path) && *path != '-' && !is_of_process(path) &&
           plan_launch_at(AT_FDCWD, path, 0, info, argv, envp, plan);
}

bool plan_launch_at(int directory, const char *path, int flags, const struct stat &info, char *const *argv,
                    char *const *envp, LaunchPlan *plan) {
    Tree tree;
    if (argv == nullptr || envp == nullptr || !S_ISREG(info.st_mode) ||
        (info.st_mode & (S_ISUID | S_ISGID)) != 0)
        return false;
    plan->arguments = count_arguments(argv);
    plan->fd[0] = 0;
    if (plan->arguments == 0 || !read_tree(envp, &tree))
        return false;
    PathBuffer *region = &plan->loader; // its room until then: the stack may be small
    const bool prebuilt = tree.reason == JitReason::None && region_path(tree, region) &&
                          has_shim_set(region->text, identity_of(info));
    // Where it must be prebuilt, ld-dyld.so says that it is not.
    return (prebuilt || (tree.must && starts_by_loader(directory, path))) &&
           join_path(tree.state, tree.state_size, kLoaderName, &plan->loader) && has_equal_ids() &&
           may_execute_at(directory, path, flags);
}

void make_arguments(LaunchPlan *plan, const char *path, char *const *argv, char **list) {
    static constexpr char kDescriptor[] = "--fd", kName[] = "--argv0";
    *list++ = plan->loader.text;
    if (plan->fd[0] != 0) {
        *list++ = const_cast<char *>(kDescriptor);
        *list++ = plan->fd;
    }
    *list++ = const_cast<char *>(kName);
    *list++ = argv[0];
    *list++ = const_cast<char *>(path);
    for (uint64_t i = 1; i <= plan->arguments; i++)
        *list++ = argv[i];
}

} // namespace sharedregion
