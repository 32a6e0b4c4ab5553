// SPDX-License-Identifier: GPL-2.0-or-later
// A whole file mapped for reading, and the identity that it had then.
#pragma once

#include "daemon/files/unique_fd.h"
#include "sharedregion/failure.h"
#include "sharedregion/file_identity.h"
#include "sharedregion/view.h"

#include <string>
#include <sys/stat.h>

namespace sharedregion {

// Identity of what `path` means now (symlinks followed); all zero where there is no such file.
FileIdentity identity_of_path(const std::string &path);

class MappedFile {
  public:
    // Errors: those of open(2), fstat(2), mmap(2); a file that is not regular.
    static Outcome<MappedFile> open(const std::string &path);
    // The same for what was opened; -1: errno tells why it was not. `path` is for messages.
    static Outcome<MappedFile> map(UniqueFd fd, const std::string &path);

    MappedFile(MappedFile &&other) noexcept
        : path_(std::move(other.path_)), bytes_(std::exchange(other.bytes_, ByteView())),
          identity_(other.identity_) {}
    MappedFile &operator=(MappedFile &&) = delete;
    ~MappedFile();

    ByteView bytes() const { return bytes_; }
    const std::string &path() const { return path_; }
    const FileIdentity &identity() const { return identity_; }

  private:
    MappedFile() = default;
    std::string path_;
    ByteView bytes_;
    FileIdentity identity_ = {};
};

} // namespace sharedregion
