// SPDX-License-Identifier: GPL-2.0-or-later
// Files: an owned descriptor, identities, whole reads and writes at offsets.
//
// Every descriptor is close-on-exec: captures fork and exec while others write.
#pragma once

#include "sharedregion/failure.h"
#include "sharedregion/file_identity.h"
#include "sharedregion/open_file.h"
#include "sharedregion/units.h"
#include "sharedregion/view.h"

#include <cstddef>
#include <string>
#include <sys/stat.h>
#include <utility>
#include <vector>

namespace sharedregion {

class FileDescriptor {
  public:
    FileDescriptor() = default;
    explicit FileDescriptor(int fd) : fd_(fd) {}
    FileDescriptor(FileDescriptor &&other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    FileDescriptor &operator=(FileDescriptor &&other) noexcept;
    ~FileDescriptor();
    int get() const { return fd_; }
    bool valid() const { return fd_ >= 0; }

  private:
    int fd_ = -1;
};

// An open file (not owned) and the path that messages call it by.
struct NamedFile {
    int fd = -1;
    std::string path;
};

// stat(2) of a path, links followed.
Outcome<FileIdentity> identity_of_path(const std::string &path);
// The path with all links resolved.
Outcome<std::string> canonical_path(const std::string &path);

// Which links files and directories are made through from now on (Links::All at first): in another root
// directory none may lead out of it.
void make_files_through(Links links);

// mkdir(2), unless it is there.
Done make_directory(const std::string &path);

Outcome<FileDescriptor> open_to_read(const std::string &path);
// As open_to_read, and the file must be the one that `identity` tells: else it changed during the build.
Outcome<FileDescriptor> open_unchanged(const std::string &path, const FileIdentity &identity);

// Reads up to `size` bytes at `offset`; the result is shorter at the end of the file.
Outcome<std::vector<std::byte>> read_at(int fd, uint64_t offset, uint64_t size, const std::string &path);
Done write_at(int fd, uint64_t offset, const void *bytes, uint64_t size, const std::string &path);
// Copies bytes from one file to another inside the kernel; the part behind the source's end is left out.
// A failure is about `to` where the kernel does not tell which of the two it is, and names both.
Done copy_range(const NamedFile &from, uint64_t from_offset, const NamedFile &to, uint64_t to_offset,
                uint64_t size);

// A file that appears under its name only when complete: written as NAME.tmp, then fsync and rename.
// Without commit() the temporary file is removed.
class TemporaryFile {
  public:
    static Outcome<TemporaryFile> create(const std::string &path);
    TemporaryFile(TemporaryFile &&other) noexcept
        : path_(std::move(other.path_)), temporary_(std::exchange(other.temporary_, {})),
          directory_(std::move(other.directory_)), fd_(std::move(other.fd_)) {}
    ~TemporaryFile();
    int fd() const { return fd_.get(); }
    NamedFile named() const { return NamedFile{fd_.get(), path_}; }
    Done commit();

  private:
    TemporaryFile(std::string path, std::string temporary, FileDescriptor directory, FileDescriptor fd)
        : path_(std::move(path)), temporary_(std::move(temporary)), directory_(std::move(directory)),
          fd_(std::move(fd)) {}
    std::string path_, temporary_; // temporary_: a name in directory_; empty: committed or moved from
    FileDescriptor directory_, fd_;
};

} // namespace sharedregion
