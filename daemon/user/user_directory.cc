// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/user/user_directory.h"

#include "daemon/files/mapped_file.h"
#include "daemon/files/other_root.h"
#include "daemon/state/state.h"
#include "daemon/user/user_mark.h"
#include "sharedregion/set_view.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>

namespace sharedregion {

namespace {

constexpr const char *kSuffixes[] = {".set", ".failed", ".lock"};
constexpr const char kTemporary[] = ".tmp-"; // in NAME.tmp-XXXX

bool is_absolute(const char *path) {
    return path != nullptr && path[0] == '/';
}

bool is_stem(const std::string &name) {
    constexpr unsigned kDigits = UserSetName::kDigits;
    for (size_t i = 0; i < UserSetName::kStem; i++) {
        const bool dash = i == kDigits || i == 2 * kDigits + 1;
        if (i >= name.size() || (dash ? name[i] != '-' : strchr("0123456789abcdef", name[i]) == nullptr))
            return false;
    }
    return true;
}

std::string suffix_of(const std::string &name) {
    return name.substr(std::min<size_t>(name.size(), UserSetName::kStem));
}

std::string activation_of(const std::string &name) {
    return name.substr(2 * UserSetName::kDigits + 2, UserSetName::kDigits);
}

uint64_t activation_number(const std::string &name) {
    return strtoull(activation_of(name).c_str(), nullptr, 16);
}

// As ld-dyld.so wants it (is_own_file() in libdyldshim).
bool is_own_file(const struct stat &st) {
    return S_ISREG(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & (S_IWGRP | S_IWOTH)) == 0 &&
           st.st_nlink == 1;
}

// A file's mapping, for as long as it is read.
class Mapping {
  public:
    Mapping(int fd, uint64_t size)
        : size_(size), address_(mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0)) {}
    ~Mapping() {
        if (address_ != MAP_FAILED)
            munmap(address_, size_);
    }
    Mapping(const Mapping &) = delete;
    Mapping &operator=(const Mapping &) = delete;
    ByteView bytes() const { return address_ == MAP_FAILED ? ByteView() : ByteView(address_, size_); }

  private:
    uint64_t size_;
    void *address_;
};

void read_content(int fd, uint64_t size, UserSetFile *file) {
    const Mapping mapping(fd, size);
    auto view = UserSetView::open(mapping.bytes(), nullptr);
    if (!view.ok()) {
        file->error = view.error().what;
        return;
    }
    auto set = SetView::open(view.value().blob());
    if (!set.ok()) {
        file->error = set.error().what;
        return;
    }
    file->header = view.value().header();
    file->program = set.value().path();
}

// Whether the set can never be used again: of an earlier activation of the same state, in this boot.
bool is_dead(const UserSetFile &file, const UserSetHeader &current) {
    const UserSetHeader &header = file.header;
    return file.error.empty() && header.boot_id == current.boot_id &&
           header.state_hash == current.state_hash && !(header.activation == current.activation);
}

bool is_old(int directory, const std::string &name) {
    constexpr time_t kWeek = 7 * 24 * 3600;
    struct stat st;
    return fstatat(directory, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           time(nullptr) - st.st_mtime > kWeek;
}

} // namespace

bool is_user_set_name(const std::string &name) {
    if (!is_stem(name))
        return false;
    const std::string suffix = suffix_of(name);
    return std::any_of(std::begin(kSuffixes), std::end(kSuffixes), [&](const std::string &own) {
        return suffix == own || suffix.starts_with(own + kTemporary);
    });
}

Uuid read_boot_id() {
    Uuid id = {};
    UniqueFd fd(open_of_machine("/proc/sys/kernel/random/boot_id", O_RDONLY));
    char text[64] = {};
    if (!fd.valid() || ::read(fd.get(), text, sizeof text - 1) <= 0)
        return id;
    unsigned digit = 0;
    for (const char *at = text; *at != 0 && digit < 2 * sizeof id.bytes; at++) {
        const char *found = strchr("0123456789abcdef", *at);
        if (found == nullptr)
            continue;
        const auto value = static_cast<uint8_t>(found - "0123456789abcdef");
        id.bytes[digit / 2] = static_cast<uint8_t>(id.bytes[digit / 2] << 4 | value);
        digit++;
    }
    return id;
}

Outcome<std::string> UserDirectory::find_path() {
    if (const char *cache = getenv("XDG_CACHE_HOME"); is_absolute(cache))
        return std::string(cache) + "/shared-region";
    if (const char *home = getenv("HOME"); is_absolute(home))
        return std::string(home) + "/.cache/shared-region";
    return Failure::about("", "no place for a user's sets: set HOME or XDG_CACHE_HOME", Failure::kNoOffset,
                          ENOENT);
}

namespace {

Done check_user(const std::string &path) {
    if (geteuid() != kOverflowUser)
        return Success{};
    return Failure::about(path,
                          "not for the overflow user: everybody unknown in a user namespace looks like it",
                          Failure::kNoOffset, EPERM);
}

// Root makes nothing in what another user controls (sudo may leave HOME as it was).
Done check_home() {
    const char *cache = getenv("XDG_CACHE_HOME"), *base = is_absolute(cache) ? cache : getenv("HOME");
    struct stat st;
    if (geteuid() != 0 || lstat(base, &st) != 0 || st.st_uid == 0)
        return Success{};
    return Failure::about(base, "belongs to another user: root keeps no sets there; set HOME",
                          Failure::kNoOffset, EPERM);
}

} // namespace

Outcome<UserDirectory> UserDirectory::open() {
    std::string path = TRY(find_path());
    TRY(check_user(path));
    UniqueFd fd = TRY(open_trusted_directory(AT_FDCWD, path, path));
    struct stat st;
    if (fstat(fd.get(), &st) != 0)
        return Failure::system(errno, path, "cannot stat");
    if (st.st_uid != geteuid())
        return Failure::about(path, "owned by another user: refused", Failure::kNoOffset, EPERM);
    return UserDirectory(std::move(path), std::move(fd));
}

Outcome<UserDirectory> UserDirectory::make() {
    std::string path = TRY(find_path());
    TRY(check_user(path));
    TRY(check_home());
    TRY(make_parents(path, 0700));
    UserDirectory directory(path, TRY(make_own_directory(AT_FDCWD, path, path, 0700)));
    TRY(write_cache_tag(directory.fd(), path));
    return directory;
}

Done UserDirectory::write(const std::string &name, const void *bytes, uint64_t size) const {
    const std::string temporary = name + kTemporary + random_hex(16);
    UniqueFd fd(
        openat(this->fd(), temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd.valid())
        return Failure::system(errno, file(temporary), "cannot make");
    const auto *at = static_cast<const char *>(bytes);
    int code = 0;
    while (size != 0 && code == 0) {
        ssize_t done = ::write(fd.get(), at, size);
        if (done < 0 && errno != EINTR)
            code = errno;
        at += std::max<ssize_t>(done, 0);
        size -= static_cast<uint64_t>(std::max<ssize_t>(done, 0));
    }
    if (code == 0 &&
        (fsync(fd.get()) != 0 || renameat(this->fd(), temporary.c_str(), this->fd(), name.c_str()) != 0))
        code = errno;
    if (code == 0)
        return Success{};
    unlinkat(this->fd(), temporary.c_str(), 0);
    return Failure::system(code, file(name), "cannot write");
}

Done UserDirectory::remove(const std::string &name) const {
    if (unlinkat(fd(), name.c_str(), 0) != 0 && errno != ENOENT)
        return Failure::system(errno, file(name), "cannot remove");
    return Success{};
}

std::optional<UserSetFile> UserDirectory::read(const std::string &name) const {
    UniqueFd fd(openat(this->fd(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!fd.valid() && errno == ENOENT)
        return std::nullopt;
    UserSetFile found = {name, file(name), "", {}, ""};
    struct stat st;
    if (!fd.valid() || fstat(fd.get(), &st) != 0)
        found.error = strerror(errno);
    else if (!is_own_file(st))
        found.error = "not the caller's own file, or others may write it: refused";
    else
        read_content(fd.get(), static_cast<uint64_t>(st.st_size), &found);
    return found;
}

Outcome<std::vector<UserSetFile>> UserDirectory::sets() const {
    std::vector<UserSetFile> found;
    for (const std::string &name : TRY(list_directory(fd(), path_)))
        if (is_stem(name) && suffix_of(name) == ".set")
            if (std::optional<UserSetFile> file = read(name))
                found.push_back(std::move(*file));
    return found;
}

void UserDirectory::prune(const UserSetHeader &current) const {
    Outcome<std::vector<std::string>> names = list_directory(fd(), path_);
    if (!names.ok())
        return;
    const std::string active = activation_of(UserSetName(0, 0, current.activation).text);
    for (const std::string &name : names.value()) {
        if (!is_user_set_name(name))
            continue;
        const bool ours = activation_of(name) == active;
        const std::optional<UserSetFile> set = read(name.substr(0, UserSetName::kStem) + ".set");
        const bool dead = !ours && set && is_dead(*set, current);
        const bool left = is_old(fd(), name) && (!ours || name.find(kTemporary) != std::string::npos);
        if (!dead && !left)
            continue;
        (void)remove(name);
        if (activation_of(name) != active)
            remove_user_marks(activation_number(name));
    }
}

Outcome<uint64_t> UserDirectory::clean() const {
    uint64_t removed = 0;
    for (const std::string &name : TRY(list_directory(fd(), path_)))
        if (is_user_set_name(name)) {
            TRY(remove(name));
            removed += suffix_of(name) == ".set";
            remove_user_marks(activation_number(name));
        }
    const std::vector<std::string> left = TRY(list_directory(fd(), path_));
    if (left == std::vector<std::string>{kCacheTagName} && unlinkat(fd(), kCacheTagName, 0) == 0)
        (void)rmdir(path_.c_str());
    return removed;
}

Outcome<UniqueFd> UserDirectory::lock(const std::string &name, bool wait) const {
    for (;;) {
        UniqueFd fd(
            openat(this->fd(), name.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600));
        if (!fd.valid())
            return Failure::system(errno, file(name), "cannot open");
        while (flock(fd.get(), LOCK_EX | (wait ? 0 : LOCK_NB)) != 0) {
            if (errno == EWOULDBLOCK)
                return UniqueFd();
            if (errno != EINTR)
                return Failure::system(errno, file(name), "cannot lock");
        }
        if (is_named(fd.get(), name)) // who had it may have removed it
            return fd;
    }
}

bool UserDirectory::is_named(int fd, const std::string &name) const {
    struct stat mine, named;
    return fstat(fd, &mine) == 0 && fstatat(this->fd(), name.c_str(), &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           mine.st_dev == named.st_dev && mine.st_ino == named.st_ino;
}

} // namespace sharedregion
