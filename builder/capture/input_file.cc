// SPDX-License-Identifier: GPL-2.0-or-later
#include "builder/capture/input_file.h"

#include <algorithm>
#include <cerrno>

namespace sharedregion {

Outcome<InputFile> InputFile::open(const std::string &path) {
    InputFile file;
    file.path_ = path;
    file.fd_ = TRY(open_to_read(path));
    if (fstat(file.fd_.get(), &file.info_) != 0)
        return Failure::system(errno, path, "cannot be examined");
    if (!S_ISREG(file.info_.st_mode))
        return Failure::about(path, "not a regular file", Failure::kNoOffset, EISDIR);
    return file;
}

Outcome<std::vector<std::byte>> InputFile::read(uint64_t offset, uint64_t size) const {
    if (size > this->size() || offset > this->size() - size)
        return Failure::about(path_, "headers point outside the file", offset);
    auto bytes = TRY(read_at(fd_.get(), offset, size, path_));
    if (bytes.size() != size)
        return Failure::about(path_, "file shrank while it was read", offset + bytes.size());
    return bytes;
}

Outcome<std::vector<std::byte>> InputFile::read_up_to(uint64_t offset, uint64_t size) const {
    offset = std::min(offset, this->size());
    return read(offset, std::min(size, this->size() - offset));
}

} // namespace sharedregion
