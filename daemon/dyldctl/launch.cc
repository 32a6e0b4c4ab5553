// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/dyldctl/launch.h"

#include "daemon/files/mapped_file.h"
#include "daemon/state/loader_record.h"
#include "sharedregion/slave_mounts.h"

#include <cerrno>
#include <fcntl.h>
#include <sched.h>
#include <string_view>
#include <sys/mount.h>
#include <sys/wait.h>

namespace sharedregion {

namespace {

constexpr int kLost = 125; // exit code, kRunFailed of command.h

bool same_file(const std::string &a, const std::string &b) {
    struct stat first, second;
    return stat(a.c_str(), &first) == 0 && stat(b.c_str(), &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

Done write_text(const std::string &path, const std::string &text) {
    UniqueFd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd.valid() || write(fd.get(), text.data(), text.size()) != ssize_t(text.size()))
        return Failure::system(errno, path, "cannot write");
    return Success{};
}

// user_namespaces(7): a process without privileges may map its own uid and gid, the gid only after
// giving up setgroups(2).
Done unshare_user() {
    uid_t uid = geteuid();
    gid_t gid = getegid();
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
        return Failure::system(errno, "", "cannot make a user namespace");
    TRY(write_text("/proc/self/setgroups", "deny"));
    TRY(write_text("/proc/self/uid_map", std::to_string(uid) + " " + std::to_string(uid) + " 1"));
    return write_text("/proc/self/gid_map", std::to_string(gid) + " " + std::to_string(gid) + " 1");
}

Done bind(const std::string &from, const std::string &to) {
    if (mount(from.c_str(), to.c_str(), nullptr, MS_BIND, nullptr) != 0)
        return Failure::system(errno, to, "cannot bind-mount " + from + " there");
    return Success{};
}

Failure nothing_built(const std::string &state) {
    return Failure::about(state, "nothing built here yet; run `dyldctl build PROGRAM...`", Failure::kNoOffset,
                          ENOENT);
}

// Whether a file is some state's ld-dyld.so: it carries the magic of its configuration block
// (libdyldshim/config.h), which no genuine ld.so has.
bool is_ld_dyld(const std::string &path) {
    constexpr std::string_view kMagic = "SHRGLDSO";
    Outcome<MappedFile> file = MappedFile::open(path);
    if (!file.ok())
        return false;
    ByteView bytes = file.value().bytes();
    return memmem(bytes.data(), bytes.size(), kMagic.data(), kMagic.size()) != nullptr;
}

// Whether the machine's ld.so is another file than ld-dyld.so was made from. Inside `run` ld-dyld.so hides
// its path; the alias leads to it. Inside a `run` of another state nobody can tell: starts look for
// themselves.
bool is_loader_changed(const LaunchFiles &files, const FileIdentity &recorded) {
    if (recorded_now(files.genuine_loader).identity == recorded)
        return false;
    if (inside_launch_namespace(files))
        return !(recorded_now(files.alias).identity == recorded);
    return !is_ld_dyld(files.genuine_loader);
}

// In a mount namespace of our own.
Done mount_loader(const LaunchFiles &files) {
    TRY(make_mounts_slave(kLost));
    // Inside a `run` of another state its ld-dyld.so lies there; the genuine one is below.
    for (int depth = 0; depth < 8 && is_ld_dyld(files.genuine_loader); depth++)
        if (umount2(files.genuine_loader.c_str(), MNT_DETACH) != 0)
            break;
    TRY(bind(files.genuine_loader, files.alias));
    return bind(files.ld_dyld, files.genuine_loader);
}

Done enter(const LaunchFiles &files) {
    if (geteuid() != 0)
        TRY(unshare_user());
    else if (unshare(CLONE_NEWNS) != 0)
        return Failure::system(errno, "", "cannot make a mount namespace");
    return mount_loader(files);
}

// A failure half-way would leave this process without its groups or in a namespace without purpose:
// so a child tries first.
Done try_in_child(const LaunchFiles &files) {
    pid_t child = fork();
    if (child < 0)
        return Failure::system(errno, "", "cannot fork");
    if (child == 0) {
        Done entered = enter(files);
        _exit(entered.ok() ? 0 : entered.error().code);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (status != 0)
        return Failure::system(WIFEXITED(status) ? WEXITSTATUS(status) : EPERM, "",
                               "cannot make a private mount namespace");
    return Success{};
}

} // namespace

Outcome<LaunchFiles> find_launch_files(const std::string &option) {
    std::string path = TRY(choose_existing_state_path(option));
    Outcome<StateDirectory> state = StateDirectory::open(path);
    if (!state.ok())
        return state.error().code == ENOENT ? nothing_built(path) : std::move(state.error());
    return find_launch_files(state.value());
}

Outcome<LaunchFiles> find_launch_files(const StateDirectory &state) {
    std::optional<LoaderRecord> record = LoaderRecord::read(state);
    if (!record)
        return nothing_built(state.path());
    LaunchFiles files = {state.path(),
                         state.file(kLoaderName),
                         state.file(kAliasName),
                         record->genuine.path,
                         false,
                         record->result.path != state.file(kLoaderName)};
    files.loader_changed = is_loader_changed(files, record->genuine.identity);
    // As an interpreter ld-dyld.so must be executable, or nothing at all could be started in the namespace.
    if (access(files.ld_dyld.c_str(), R_OK | X_OK) != 0)
        return Failure::system(errno, files.ld_dyld,
                               "cannot execute (`dyldctl build` makes it; noexec mount?)");
    if (access(files.alias.c_str(), F_OK) != 0)
        return Failure::system(errno, files.alias, "missing (`dyldctl build` makes it)");
    return files;
}

Done enter_genuine_namespace(const LaunchFiles &files) {
    if (!is_ld_dyld(files.genuine_loader))
        return Success{};
    if (is_ld_dyld(files.alias) || access(files.alias.c_str(), X_OK) != 0)
        return Failure::about(files.genuine_loader, "is ld-dyld.so here, and " + files.alias +
                                                        " does not lead to the genuine ld.so");
    if (geteuid() != 0)
        TRY(unshare_user());
    else if (unshare(CLONE_NEWNS) != 0)
        return Failure::system(errno, "", "cannot make a mount namespace");
    TRY(make_mounts_slave(kLost));
    return bind(files.alias,
                files.genuine_loader); // what a `run` mounted there cannot be unmounted by a user
}

bool inside_launch_namespace(const LaunchFiles &files) {
    return same_file(files.genuine_loader, files.ld_dyld);
}

Done enter_launch_namespace(const LaunchFiles &files) {
    if (inside_launch_namespace(files))
        return Success{};
    // As root the one step that may be forbidden is the first one, and it leaves nothing behind.
    if (geteuid() != 0)
        TRY(try_in_child(files));
    return enter(files);
}

} // namespace sharedregion
