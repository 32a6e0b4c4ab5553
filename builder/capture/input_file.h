// SPDX-License-Identifier: GPL-2.0-or-later
// A regular file opened for reading, and which file it is.
//
// Reads instead of mapping: a file that shrinks meanwhile gives an error, not SIGBUS.
#pragma once

#include "sharedregion/failure.h"
#include "sharedregion/file_header.h"

#include <cstddef>
#include <string>
#include <sys/stat.h>
#include <vector>

namespace sharedregion {

class InputFile {
  public:
    // Errors: errno of open(2) or fstat(2); EISDIR for anything that is no regular file.
    static Outcome<InputFile> open(const std::string &path);
    InputFile(InputFile &&other) noexcept;
    InputFile(const InputFile &) = delete;
    InputFile &operator=(const InputFile &) = delete;
    ~InputFile();

    const std::string &path() const { return path_; }
    const struct stat &info() const { return info_; }
    uint64_t size() const { return static_cast<uint64_t>(info_.st_size); }
    FileIdentity identity() const;

    // Bytes [offset, offset + size), which must lie in the file. Errors: EINVAL, or errno of pread(2).
    Outcome<std::vector<std::byte>> read(uint64_t offset, uint64_t size) const;
    // The same where it lies in the file; less, down to nothing, where it passes the end.
    Outcome<std::vector<std::byte>> read_up_to(uint64_t offset, uint64_t size) const;
    // Whether it has file capabilities (capabilities(7)), which make exec change privileges.
    bool has_capabilities() const;

  private:
    InputFile() = default;
    int fd_ = -1;
    std::string path_;
    struct stat info_ = {};
};

} // namespace sharedregion
