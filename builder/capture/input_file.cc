// SPDX-License-Identifier: GPL-2.0-or-later
#include "builder/capture/input_file.h"

#include "sharedregion/file_identity.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace sharedregion {

Outcome<InputFile> InputFile::open(const std::string &path) {
    InputFile file;
    file.path_ = path;
    // O_NONBLOCK: opening a FIFO must not wait for a writer.
    file.fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file.fd_ < 0)
        return Failure::system(errno, path, "open");
    if (fstat(file.fd_, &file.info_) != 0)
        return Failure::system(errno, path, "stat");
    if (!S_ISREG(file.info_.st_mode))
        return Failure::about(path, "not a regular file", Failure::kNoOffset, EISDIR);
    return file;
}

InputFile::InputFile(InputFile &&other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)), info_(other.info_) {}

InputFile::~InputFile() {
    if (fd_ >= 0)
        close(fd_);
}

FileIdentity InputFile::identity() const {
    return identity_of(info_);
}

Outcome<std::vector<std::byte>> InputFile::read(uint64_t offset, uint64_t size) const {
    if (size > this->size() || offset > this->size() - size)
        return Failure::about(path_, "headers point outside the file", offset);
    std::vector<std::byte> bytes(size);
    for (uint64_t done = 0; done < size;) {
        ssize_t count = pread(fd_, bytes.data() + done, size - done, static_cast<off_t>(offset + done));
        if (count == 0)
            return Failure::about(path_, "file shrank while it was read", offset + done);
        if (count < 0 && errno != EINTR)
            return Failure::system(errno, path_, "read");
        if (count > 0)
            done += static_cast<uint64_t>(count);
    }
    return bytes;
}

Outcome<std::vector<std::byte>> InputFile::read_up_to(uint64_t offset, uint64_t size) const {
    offset = std::min(offset, this->size());
    return read(offset, std::min(size, this->size() - offset));
}

bool InputFile::has_capabilities() const {
    return fgetxattr(fd_, "security.capability", nullptr, 0) > 0;
}

} // namespace sharedregion
