// SPDX-License-Identifier: GPL-2.0-or-later
// See mapped_file.h.
#include "builder/support/mapped_file.h"

#include "builder/support/file.h"

#include <cerrno>
#include <sys/mman.h>

namespace sharedregion {

Outcome<MappedFile> MappedFile::open(const std::string &path) {
    FileDescriptor file = TRY(open_to_read(path));
    struct stat status;
    if (fstat(file.get(), &status) != 0)
        return Failure::system(errno, path, "cannot be examined");
    if (!S_ISREG(status.st_mode) || status.st_size == 0)
        return Failure::about(path, "is empty or no regular file");
    auto size = static_cast<uint64_t>(status.st_size);
    void *address = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
    if (address == MAP_FAILED)
        return Failure::system(errno, path, "cannot be mapped");
    return MappedFile(address, size);
}

MappedFile::~MappedFile() {
    if (address_ != nullptr)
        munmap(address_, size_);
}

} // namespace sharedregion
