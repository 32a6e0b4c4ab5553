// SPDX-License-Identifier: GPL-2.0-or-later
// See file.h.
#include "builder/support/file.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <unistd.h>

namespace sharedregion {

FileDescriptor &FileDescriptor::operator=(FileDescriptor &&other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
}

FileDescriptor::~FileDescriptor() {
    if (fd_ >= 0)
        close(fd_);
}

Outcome<FileIdentity> identity_of_path(const std::string &path) {
    struct stat status;
    if (stat(path.c_str(), &status) != 0)
        return Failure::system(errno, path, "cannot be examined");
    return identity_of(status);
}

Outcome<std::string> canonical_path(const std::string &path) {
    char *resolved = realpath(path.c_str(), nullptr);
    if (resolved == nullptr)
        return Failure::system(errno, path, "cannot be resolved");
    std::string result = resolved;
    free(resolved);
    return result;
}

// O_NONBLOCK: opening a FIFO or a device that somebody names as a program must not hang.
Outcome<FileDescriptor> open_to_read(const std::string &path) {
    FileDescriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!fd.valid())
        return Failure::system(errno, path, "cannot be opened");
    return fd;
}

Outcome<FileDescriptor> open_unchanged(const std::string &path, const FileIdentity &identity) {
    FileDescriptor fd = TRY(open_to_read(path));
    struct stat status;
    if (fstat(fd.get(), &status) != 0)
        return Failure::system(errno, path, "cannot be examined");
    if (!(identity_of(status) == identity))
        return Failure::about(path, "changed while the cache was built; build again", Failure::kNoOffset,
                              EAGAIN);
    return fd;
}

Outcome<std::vector<std::byte>> read_at(int fd, uint64_t offset, uint64_t size, const std::string &path) {
    std::vector<std::byte> bytes(size);
    uint64_t done = 0;
    while (done < size) {
        ssize_t count = pread(fd, bytes.data() + done, size - done, static_cast<off_t>(offset + done));
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return Failure::system(errno, path, "cannot be read");
        if (count == 0)
            break;
        done += static_cast<uint64_t>(count);
    }
    bytes.resize(done);
    return bytes;
}

Done write_at(int fd, uint64_t offset, const void *bytes, uint64_t size, const std::string &path) {
    const char *from = static_cast<const char *>(bytes);
    for (uint64_t done = 0; done < size;) {
        ssize_t count = pwrite(fd, from + done, size - done, static_cast<off_t>(offset + done));
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return Failure::system(errno, path, "cannot be written");
        done += static_cast<uint64_t>(count);
    }
    return Success{};
}

namespace {
// For file systems between which copy_file_range does not work.
Done copy_through_buffer(const NamedFile &from, uint64_t from_offset, const NamedFile &to, uint64_t to_offset,
                         uint64_t size) {
    constexpr uint64_t kBlock = 1 << 20;
    for (uint64_t done = 0; done < size;) {
        auto bytes = TRY(read_at(from.fd, from_offset + done, std::min(kBlock, size - done), from.path));
        if (bytes.empty())
            break;
        TRY(write_at(to.fd, to_offset + done, bytes.data(), bytes.size(), to.path));
        done += bytes.size();
    }
    return Success{};
}
} // namespace

Done copy_range(const NamedFile &from, uint64_t from_offset, const NamedFile &to, uint64_t to_offset,
                uint64_t size) {
    auto source = static_cast<off64_t>(from_offset), target = static_cast<off64_t>(to_offset);
    while (size != 0) {
        ssize_t count = copy_file_range(from.fd, &source, to.fd, &target, size, 0);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP))
            return copy_through_buffer(from, static_cast<uint64_t>(source), to, static_cast<uint64_t>(target),
                                       size);
        if (count < 0)
            return Failure::system(errno, to.path, "cannot be written (copying " + from.path + ")");
        if (count == 0)
            break;
        size -= static_cast<uint64_t>(count);
    }
    return Success{};
}

namespace {

Links links_of_new_files = Links::All;

std::string name_in_directory(const std::string &path) {
    return path.substr(path.rfind('/') + 1); // npos + 1 is 0
}

Outcome<FileDescriptor> open_parent(const std::string &path) {
    const std::string parent = path.substr(0, path.rfind('/') + 1);
    FileDescriptor fd(open_at(AT_FDCWD, parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY, 0,
                              links_of_new_files));
    if (!fd.valid())
        return open_failure(errno, path, "its directory cannot be opened", links_of_new_files);
    return fd;
}

} // namespace

void make_files_through(Links links) {
    links_of_new_files = links;
}

Done make_directory(const std::string &path) {
    const std::string bare = path.substr(0, path.find_last_not_of('/') + 1);
    FileDescriptor parent = TRY(open_parent(bare));
    if (mkdirat(parent.get(), name_in_directory(bare).c_str(), 0755) != 0 && errno != EEXIST)
        return Failure::system(errno, path, "cannot be made");
    return Success{};
}

Outcome<TemporaryFile> TemporaryFile::create(const std::string &path) {
    FileDescriptor directory = TRY(open_parent(path));
    std::string name = name_in_directory(path) + ".tmp";
    // A leftover of a killed build is ours to replace; O_EXCL so that we never write through a link.
    unlinkat(directory.get(), name.c_str(), 0);
    FileDescriptor fd(openat(directory.get(), name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    if (!fd.valid())
        return Failure::system(errno, path + ".tmp", "cannot be created");
    return TemporaryFile(path, std::move(name), std::move(directory), std::move(fd));
}

TemporaryFile::~TemporaryFile() {
    if (!temporary_.empty())
        unlinkat(directory_.get(), temporary_.c_str(), 0);
}

Done TemporaryFile::commit() {
    if (fsync(fd_.get()) != 0)
        return Failure::system(errno, path_, "fsync");
    if (renameat(directory_.get(), temporary_.c_str(), directory_.get(), name_in_directory(path_).c_str()) !=
        0)
        return Failure::system(errno, path_, "rename");
    temporary_.clear();
    if (fsync(directory_.get()) != 0)
        return Failure::system(errno, path_, "fsync of its directory");
    return Success{};
}

} // namespace sharedregion
