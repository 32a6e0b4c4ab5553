// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/files/directory.h"

#include "daemon/files/other_root.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/random.h>
#include <utility>

namespace sharedregion {

namespace {

constexpr int kOpenDirectory = O_RDONLY | O_NOFOLLOW;

using DirectoryStream = std::unique_ptr<DIR, int (*)(DIR *)>;

// A second descriptor, so that reading the names does not move the caller's.
DirectoryStream open_stream(int directory) {
    int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd < 0 ? nullptr : fdopendir(fd);
    if (stream == nullptr && fd >= 0)
        close(fd);
    return DirectoryStream(stream, closedir);
}

Failure not_a_directory(int code, const std::string &path) {
    if (code == ELOOP || code == ENOTDIR)
        return Failure::about(path, "is a symlink or no directory: refused; remove it or name another place",
                              Failure::kNoOffset, code);
    return Failure::system(code, path, "cannot open directory");
}

} // namespace

Done check_trusted(const struct stat &st, const std::string &path) {
    if (st.st_uid != 0 && st.st_uid != geteuid())
        return Failure::about(path, "owned by another user: refused; name another place", Failure::kNoOffset,
                              EPERM);
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return Failure::about(path, "writable by others: refused; chmod go-w it or name another place",
                              Failure::kNoOffset, EPERM);
    return Success{};
}

Outcome<UniqueFd> open_trusted_directory(int parent, const std::string &name, const std::string &path) {
    UniqueFd fd(open_directory_inside(parent, name.c_str(), kOpenDirectory));
    if (!fd.valid())
        return not_a_directory(errno, path);
    struct stat st;
    if (fstat(fd.get(), &st) != 0)
        return Failure::system(errno, path, "cannot stat");
    TRY(check_trusted(st, path));
    return fd;
}

Outcome<UniqueFd> make_own_directory(int parent, const std::string &name, const std::string &path,
                                     mode_t mode) {
    bool made = mkdirat(parent, name.c_str(), mode) == 0;
    if (!made && errno != EEXIST)
        return Failure::system(errno, path, "cannot make directory");
    UniqueFd fd = TRY(open_trusted_directory(parent, name, path));
    struct stat st;
    if (fstat(fd.get(), &st) != 0)
        return Failure::system(errno, path, "cannot stat");
    if (st.st_uid != geteuid())
        return Failure::about(path, "owned by another user: refused; name another place", Failure::kNoOffset,
                              EPERM);
    if (made && fchmod(fd.get(), mode) != 0) // the umask may have taken bits away
        return Failure::system(errno, path, "cannot set mode");
    return fd;
}

Done make_parents(const std::string &path, mode_t mode) {
    UniqueFd at(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    size_t begin = 1;
    for (size_t slash; (slash = path.find('/', begin)) != std::string::npos; begin = slash + 1) {
        const std::string parent = path.substr(0, slash), name = path.substr(begin, slash - begin);
        if (name.empty()) // "//"
            continue;
        if (mkdirat(at.get(), name.c_str(), mode) != 0 && errno != EEXIST)
            return Failure::system(errno, parent, "cannot make directory");
        at = UniqueFd(open_directory_inside(at.get(), name.c_str(), O_PATH));
        if (!at.valid())
            return open_failure(errno, parent, "cannot open directory", links_inside());
    }
    return Success{};
}

Done check_parents(const std::string &path) {
    for (size_t slash = path.rfind('/'); slash != std::string::npos && path != "/";
         slash = slash == 0 ? std::string::npos : path.rfind('/', slash - 1)) {
        std::string parent = slash == 0 ? "/" : path.substr(0, slash);
        struct stat st;
        if (stat(parent.c_str(), &st) != 0)
            return Failure::system(errno, parent, "cannot stat");
        if (st.st_uid != 0 && st.st_uid != geteuid())
            return Failure::about(parent, "owned by another user, who could replace what is in it: refused",
                                  Failure::kNoOffset, EPERM);
        if ((st.st_mode & S_IWOTH) != 0 && (st.st_mode & S_ISVTX) == 0)
            return Failure::about(parent,
                                  "writable by everybody: refused; chmod o-w it or name another place",
                                  Failure::kNoOffset, EPERM);
    }
    return Success{};
}

Outcome<NewSymlink> NewSymlink::make(int parent, const std::string &name, const std::string &target,
                                     const std::string &path) {
    std::string temporary = "." + name + "." + random_hex(16);
    if (symlinkat(target.c_str(), parent, temporary.c_str()) != 0)
        return Failure::system(errno, path, "cannot make symlink");
    return NewSymlink(parent, name, std::move(temporary), path);
}

NewSymlink::NewSymlink(int parent, std::string name, std::string temporary, std::string path)
    : parent_(parent), name_(std::move(name)), temporary_(std::move(temporary)), path_(std::move(path)) {}

NewSymlink::NewSymlink(NewSymlink &&other) noexcept
    : parent_(other.parent_), name_(std::move(other.name_)),
      temporary_(std::exchange(other.temporary_, std::string())), path_(std::move(other.path_)) {}

NewSymlink::~NewSymlink() {
    if (!temporary_.empty())
        unlinkat(parent_, temporary_.c_str(), 0);
}

Done NewSymlink::commit() {
    if (renameat(parent_, temporary_.c_str(), parent_, name_.c_str()) != 0)
        return Failure::system(errno, path_, "cannot switch symlink");
    temporary_.clear();
    return Success{};
}

Done replace_symlink(int parent, const std::string &name, const std::string &target,
                     const std::string &path) {
    NewSymlink link = TRY(NewSymlink::make(parent, name, target, path));
    return link.commit();
}

std::string read_symlink(int parent, const std::string &name) {
    char target[4096];
    ssize_t length = readlinkat(parent, name.c_str(), target, sizeof target);
    return length > 0 && size_t(length) < sizeof target ? std::string(target, length) : "";
}

Outcome<std::vector<std::string>> list_directory(int directory, const std::string &path) {
    DirectoryStream stream = open_stream(directory);
    if (stream == nullptr)
        return Failure::system(errno, path, "cannot read directory");
    std::vector<std::string> names;
    while (const dirent *entry = readdir(stream.get()))
        if (std::string name = entry->d_name; name != "." && name != "..")
            names.push_back(std::move(name));
    std::sort(names.begin(), names.end());
    return names;
}

Done remove_tree(int parent, const std::string &name, const std::string &path) {
    if (unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT)
        return Success{};
    // Linux says EISDIR for a directory, POSIX allows EPERM.
    if (errno != EISDIR && errno != EPERM)
        return Failure::system(errno, path, "cannot remove");
    UniqueFd directory(open_directory_inside(parent, name.c_str(), kOpenDirectory));
    if (!directory.valid())
        return not_a_directory(errno, path);
    const std::string prefix = path + "/";
    for (const std::string &entry : TRY(list_directory(directory.get(), path)))
        TRY(remove_tree(directory.get(), entry, prefix + entry));
    if (unlinkat(parent, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT)
        return Failure::system(errno, path, "cannot remove directory");
    return Success{};
}

std::string random_hex(unsigned count) {
    std::string digits;
    while (digits.size() < count) {
        unsigned char byte;
        if (getrandom(&byte, 1, 0) != 1)
            continue; // only EINTR is possible for a single byte
        digits += "0123456789abcdef"[byte & 15];
    }
    return digits;
}

} // namespace sharedregion
