// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/files/other_root.h"

#include <cerrno>
#include <climits>
#include <fcntl.h>
#include <openssl/crypto.h>

namespace sharedregion {

namespace {

struct OtherRoot {
    UniqueFd machine; // its root directory; invalid: this process is there
    UniqueFd root;    // inherited by helpers
    std::string path;
};
OtherRoot entered;

Outcome<std::string> absolute(const std::string &path) {
    char directory[PATH_MAX];
    if (path.starts_with('/'))
        return path;
    if (getcwd(directory, sizeof directory) == nullptr)
        return Failure::system(errno, path, "cannot find the working directory");
    return std::string(directory) + "/" + path;
}

Done change_root(const UniqueFd &root, const std::string &path) {
    if (fchdir(root.get()) != 0)
        return Failure::system(errno, path, "cannot enter");
    if (chroot(".") == 0)
        return Success{};
    const int code = errno;
    return code == EPERM ? Failure::about(path,
                                          "cannot become the root directory: only root (CAP_SYS_CHROOT) may "
                                          "work for another system",
                                          Failure::kNoOffset, code)
                         : Failure::system(code, path, "cannot become the root directory");
}

} // namespace

Done enter_other_root(const std::string &directory) {
    if (directory.empty())
        return Failure::about("''", "an empty name is no root directory", Failure::kNoOffset, ENOENT);
    std::string path = TRY(absolute(directory));
    UniqueFd machine(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    UniqueFd root(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!machine.valid() || !root.valid())
        return Failure::system(errno, path, "cannot open as a root directory");
    struct stat here, there;
    if (fstat(machine.get(), &here) == 0 && fstat(root.get(), &there) == 0 && here.st_dev == there.st_dev &&
        here.st_ino == there.st_ino)
        return Success{}; // `--root /`
    // A configuration file of that system could name modules of its own, for another libc than this
    // process's.
    (void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
    UniqueFd inherited(fcntl(root.get(), F_DUPFD, 3)); // not close-on-exec
    if (!inherited.valid())
        return Failure::system(errno, path, "cannot keep open");
    TRY(change_root(root, path));
    entered = OtherRoot{std::move(machine), std::move(inherited), std::move(path)};
    return Success{};
}

const std::string &other_root() {
    return entered.path;
}

std::vector<std::string> root_arguments() {
    if (entered.path.empty())
        return {};
    return {"--root", entered.path, "--root-fd", std::to_string(entered.root.get())};
}

int open_of_machine(const char *path, int flags) {
    return entered.machine.valid() ? openat(entered.machine.get(), path + 1, flags | O_CLOEXEC)
                                   : open(path, flags | O_CLOEXEC);
}

bool can_access_of_machine(const char *path, int mode) {
    return (entered.machine.valid() ? faccessat(entered.machine.get(), path + 1, mode, 0)
                                    : access(path, mode)) == 0;
}

FILE *fopen_of_machine(const char *path) {
    UniqueFd fd(open_of_machine(path, O_RDONLY));
    FILE *file = fd.valid() ? fdopen(fd.get(), "re") : nullptr;
    if (file != nullptr)
        (void)fd.release();
    return file;
}

Links links_inside() {
    return entered.machine.valid() ? Links::NotMagic : Links::All;
}

int open_directory_inside(int at, const char *path, int flags) {
    return open_at(at, path, flags | O_DIRECTORY, 0, links_inside());
}

Outcome<UniqueFd> open_regular_inside(int at, const std::string &name, int flags, const std::string &path,
                                      mode_t mode) {
    return UniqueFd(TRY(open_regular(at, name, flags, mode, path, links_inside())));
}

bool return_to_machine() {
    return !entered.machine.valid() || (fchdir(entered.machine.get()) == 0 && chroot(".") == 0);
}

} // namespace sharedregion
