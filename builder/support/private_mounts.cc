// SPDX-License-Identifier: GPL-2.0-or-later
#include "builder/support/private_mounts.h"

#include "builder/support/file.h"
#include "sharedregion/slave_mounts.h"

#include <cerrno>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace sharedregion {

namespace {

constexpr char kDevice[] = "/dev/shared_region";
constexpr int kLost = 1; // exit code of a failed build

Done write_text(const char *path, const std::string &text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, text.data(), text.size()) == ssize_t(text.size());
    int code = errno;
    if (fd >= 0)
        close(fd);
    return written ? Done(Success{}) : Failure::system(code, path, "cannot write");
}

// user_namespaces(7): without privileges only in a user namespace; uid and gid stay what they are.
Done unshare_as_user() {
    const std::string uid = std::to_string(geteuid()), gid = std::to_string(getegid());
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
        return Failure::system(errno, "",
                               "cannot make a mount namespace, where the kernel module substitutes no ld.so");
    TRY(write_text("/proc/self/setgroups", "deny"));
    TRY(write_text("/proc/self/uid_map", uid + " " + uid + " 1"));
    return write_text("/proc/self/gid_map", gid + " " + gid + " 1");
}

Done unshare_mounts() {
    if (unshare(CLONE_NEWNS) == 0)
        return Success{};
    if (errno == EPERM)
        return unshare_as_user();
    return Failure::system(errno, "", "cannot make a mount namespace");
}

// A path below the working directory, which it takes for the root: absolute symbolic links mean what they
// mean to the programs there.
FileDescriptor look_below(const char *path) {
    open_how how = {};
    how.flags = O_PATH | O_CLOEXEC;
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    return FileDescriptor(int(syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how)));
}

bool has_proc_below() {
    struct statfs fs;
    FileDescriptor proc = look_below("proc");
    return proc.valid() && fstatfs(proc.get(), &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC &&
           look_below("proc/self").valid(); // else it is of another PID namespace
}

bool has_null_below() {
    struct stat st;
    FileDescriptor null = look_below("dev/null");
    return null.valid() && fstat(null.get(), &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
}

const char *hint(int code) {
    switch (code) {
    case ENOENT:
        return "cannot mount there (an empty directory will do)";
    case EINVAL: // as /proc/PID/root of a container
        return "cannot mount there (in another mount namespace? name the root directory by another path)";
    default:
        return "cannot mount there";
    }
}

// Mount points are looked up inside, where symbolic links mean what they mean to the programs there.
Done mount_what_is_missing(const std::string &root, int machine_dev) {
    if (!has_proc_below() && mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0)
        return Failure::system(errno, root + "/proc", hint(errno));
    const std::string source = "/proc/self/fd/" + std::to_string(machine_dev);
    if (!has_null_below() && mount(source.c_str(), "/dev", nullptr, MS_BIND | MS_REC, nullptr) != 0)
        return Failure::system(errno, root + "/dev", hint(errno));
    return Success{};
}

Done make_working_directory_root(const std::string &root) {
    make_files_through(Links::NotMagic);
    if (chroot(".") != 0)
        return Failure::system(errno, root, "cannot become the root directory");
    return Success{};
}

// unshare(2) takes the working directory along into the new namespace, other open directories stay behind.
Done enter_root(const std::string &root, int root_fd) {
    if ((root_fd < 0 ? chdir(root.c_str()) : fchdir(root_fd)) != 0)
        return Failure::system(errno, root, "cannot enter");
    const bool mounts = !(has_proc_below() && has_null_below());
    if (mounts || access(kDevice, F_OK) == 0)
        TRY(unshare_mounts());
    if (!mounts)
        return make_working_directory_root(root);
    TRY(make_mounts_slave(kLost));
    FileDescriptor dev(open("/dev", O_PATH | O_DIRECTORY | O_CLOEXEC));
    TRY(make_working_directory_root(root));
    return mount_what_is_missing(root, dev.get());
}

} // namespace

Done enter_private_mounts(const std::string &root, int root_fd) {
    if (!root.empty())
        return enter_root(root, root_fd);
    return access(kDevice, F_OK) == 0 ? unshare_mounts() : Done(Success{});
}

} // namespace sharedregion
