// SPDX-License-Identifier: GPL-2.0-or-later
// See elf_file.h.
#include "builder/elf/elf_file.h"

#include <cstddef>
#include <sys/stat.h>
#include <utility>

namespace sharedregion {

namespace {
bool libelf_ready() {
    static const bool ready = elf_version(EV_CURRENT) != EV_NONE;
    return ready;
}
} // namespace

Result<ElfFile> ElfFile::open(int fd) {
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        return bad_elf("not a regular file", 0);
    return take(libelf_ready() ? elf_begin(fd, ELF_C_READ, nullptr) : nullptr,
                static_cast<uint64_t>(status.st_size));
}

// libelf takes a non-const pointer but writes only through its update functions, which we never call.
Result<ElfFile> ElfFile::open(ByteView file) {
    auto *bytes = const_cast<char *>(reinterpret_cast<const char *>(file.data()));
    return take(libelf_ready() && file.size() != 0 ? elf_memory(bytes, file.size()) : nullptr, file.size());
}

Result<ElfFile> ElfFile::take(Elf *elf, uint64_t size) {
    ElfFile file;
    file.elf_ = elf;
    file.size_ = size;
    if (elf == nullptr || elf_kind(elf) != ELF_K_ELF)
        return bad_elf("not an ELF file", 0);
    const char *ident = elf_getident(elf, nullptr);
    if (ident == nullptr || ident[EI_CLASS] != ELFCLASS64 || ident[EI_DATA] != ELFDATA2LSB)
        return bad_elf("not a 64-bit little-endian ELF file", EI_CLASS);
    const void *header = elf64_getehdr(elf);
    if (header == nullptr)
        return bad_elf("ELF header is damaged", 0);
    std::memcpy(&file.header_, header, sizeof file.header_);
    if (file.header_.e_machine != EM_X86_64)
        return bad_elf("not an x86-64 ELF file", offsetof(Elf64_Ehdr, e_machine));
    size_t count = 0;
    const void *phdrs = elf64_getphdr(elf);
    if (elf_getphdrnum(elf, &count) != 0 || phdrs == nullptr || count == 0)
        return bad_elf("no program headers, or they lie outside the file", offsetof(Elf64_Ehdr, e_phoff));
    file.phdrs_.resize(count);
    std::memcpy(file.phdrs_.data(), phdrs, count * sizeof(Elf64_Phdr));
    return file;
}

ElfFile::ElfFile(ElfFile &&other) noexcept
    : elf_(std::exchange(other.elf_, nullptr)), size_(other.size_), header_(other.header_),
      phdrs_(std::move(other.phdrs_)) {}

ElfFile::~ElfFile() {
    elf_end(elf_);
}

bool ElfFile::raw(uint64_t offset, uint64_t size, const void **bytes) const {
    if (size > size_ || offset > size_ - size)
        return false;
    if (size == 0)
        return true;
    Elf_Data *data = elf_getdata_rawchunk(elf_, static_cast<int64_t>(offset), size, ELF_T_BYTE);
    if (data == nullptr || data->d_size != size)
        return false;
    *bytes = data->d_buf;
    return true;
}

Elf64_Shdr section_header(Elf_Scn *section) {
    Elf64_Shdr header = {};
    const void *found = section != nullptr ? elf64_getshdr(section) : nullptr;
    if (found != nullptr)
        std::memcpy(&header, found, sizeof header);
    return header;
}

} // namespace sharedregion
