// SPDX-License-Identifier: GPL-2.0-or-later
#include "builder/support/private_mounts.h"

#include "builder/support/file.h"

#include <cerrno>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace sharedregion {

namespace {

constexpr char kDevice[] = "/dev/shared_region";

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

bool has_proc(const std::string &root) {
    struct statfs fs;
    return statfs((root + "/proc").c_str(), &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC &&
           access((root + "/proc/self").c_str(), F_OK) == 0; // else it is of another PID namespace
}

bool has_null(const std::string &root) {
    struct stat st;
    return stat((root + "/dev/null").c_str(), &st) == 0 && S_ISCHR(st.st_mode);
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
    if (!has_proc("") && mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0)
        return Failure::system(errno, root + "/proc", hint(errno));
    const std::string source = "/proc/self/fd/" + std::to_string(machine_dev);
    if (!has_null("") && mount(source.c_str(), "/dev", nullptr, MS_BIND | MS_REC, nullptr) != 0)
        return Failure::system(errno, root + "/dev", hint(errno));
    return Success{};
}

Done enter_root(const std::string &root, bool mounts) {
    // Slave: nothing that is mounted here is seen outside.
    if (mounts && mount("none", "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0)
        return Failure::system(errno, "/", "cannot make mounts private");
    FileDescriptor dev(open("/dev", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (chroot(root.c_str()) != 0 || chdir("/") != 0)
        return Failure::system(errno, root, "cannot become the root directory");
    return mounts ? mount_what_is_missing(root, dev.get()) : Done(Success{});
}

} // namespace

Done enter_private_mounts(const std::string &root) {
    const bool mounts = !root.empty() && !(has_proc(root) && has_null(root));
    if (mounts || access(kDevice, F_OK) == 0)
        TRY(unshare_mounts());
    return root.empty() ? Done(Success{}) : enter_root(root, mounts);
}

} // namespace sharedregion
