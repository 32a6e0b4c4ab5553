// SPDX-License-Identifier: GPL-2.0-or-later
// A regular file opened for reading, and which file it is.
//
// Reads instead of mapping: a file that shrinks meanwhile gives an error, not SIGBUS.
#pragma once

#include "builder/support/file.h"

namespace sharedregion {

class InputFile {
  public:
    // Errors: errno of open(2) or fstat(2); EISDIR for anything that is no regular file.
    static Outcome<InputFile> open(const std::string &path);
    const std::string &path() const { return path_; }
    const struct stat &info() const { return info_; }
    uint64_t size() const { return static_cast<uint64_t>(info_.st_size); }
    FileIdentity identity() const { return identity_of(info_); }

    // Bytes [offset, offset + size), which must lie in the file. Errors: EINVAL, or errno of pread(2).
    Outcome<std::vector<std::byte>> read(uint64_t offset, uint64_t size) const;
    // The same where it lies in the file; less, down to nothing, where it passes the end.
    Outcome<std::vector<std::byte>> read_up_to(uint64_t offset, uint64_t size) const;

  private:
    InputFile() = default;
    FileDescriptor fd_;
    std::string path_;
    struct stat info_ = {};
};

} // namespace sharedregion
