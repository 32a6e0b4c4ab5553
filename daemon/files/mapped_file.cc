// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/files/mapped_file.h"

#include "daemon/files/other_root.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>

namespace sharedregion {

FileIdentity identity_of_path(const std::string &path) {
    struct stat st;
    return stat(path.c_str(), &st) == 0 ? identity_of(st) : FileIdentity{};
}

Outcome<MappedFile> MappedFile::open(const std::string &path) {
    return map(TRY(open_regular_inside(AT_FDCWD, path, O_RDONLY, path)), path);
}

Outcome<MappedFile> MappedFile::map(UniqueFd fd, const std::string &path) {
    if (!fd.valid())
        return Failure::system(errno, path, "cannot open");
    struct stat st;
    if (fstat(fd.get(), &st) != 0)
        return Failure::system(errno, path, "cannot stat");
    if (!S_ISREG(st.st_mode))
        return Failure::about(path, "not a regular file");
    MappedFile file;
    file.path_ = path;
    file.identity_ = identity_of(st);
    if (st.st_size == 0)
        return file;
    void *map = mmap(nullptr, st.st_size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
    if (map == MAP_FAILED)
        return Failure::system(errno, path, "cannot map");
    file.bytes_ = ByteView(map, st.st_size);
    return file;
}

MappedFile::~MappedFile() {
    if (bytes_.size() != 0)
        munmap(const_cast<unsigned char *>(bytes_.data()), bytes_.size());
}

} // namespace sharedregion
