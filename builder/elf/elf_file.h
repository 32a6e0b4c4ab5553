// SPDX-License-Identifier: GPL-2.0-or-later
// A libelf handle: raw parts of the file, bounds-checked, copied out.
//
// Internal to builder/elf. libelf reads the file with pread (never a mapping, so that a file that is
// truncated meanwhile is an error and not a SIGBUS).
#pragma once

#include "sharedregion/result.h"
#include "sharedregion/view.h"

#include <cstring>
#include <libelf.h>
#include <type_traits>
#include <vector>

namespace sharedregion {

inline constexpr int kBadElf = 8; // ENOEXEC
inline Error bad_elf(const char *what, uint64_t where) {
    return Error{kBadElf, what, where};
}

class ElfFile {
  public:
    static Result<ElfFile> open(int fd);
    static Result<ElfFile> open(ByteView file);
    ElfFile(ElfFile &&other) noexcept;
    ElfFile(const ElfFile &) = delete;
    ElfFile &operator=(const ElfFile &) = delete;
    ~ElfFile();

    const Elf64_Ehdr &header() const { return header_; }
    const std::vector<Elf64_Phdr> &phdrs() const { return phdrs_; }
    Elf *handle() const { return elf_; }
    uint64_t size() const { return size_; }

    // `count` records of T at file offset `offset`; `what` says in the error what does not fit.
    template <class T> Result<std::vector<T>> array(uint64_t offset, uint64_t count, const char *what) const {
        static_assert(std::is_trivially_copyable_v<T>);
        const void *bytes = nullptr;
        if (count > size_ / sizeof(T) || !raw(offset, count * sizeof(T), &bytes))
            return bad_elf(what, offset);
        std::vector<T> records(count);
        if (count != 0)
            std::memcpy(records.data(), bytes, count * sizeof(T));
        return records;
    }

  private:
    ElfFile() = default;
    static Result<ElfFile> take(Elf *elf, uint64_t size);
    bool raw(uint64_t offset, uint64_t size, const void **bytes) const;

    Elf *elf_ = nullptr;
    uint64_t size_ = 0;
    // Copies: what libelf gives may be misaligned.
    Elf64_Ehdr header_ = {};
    std::vector<Elf64_Phdr> phdrs_;
};

// A section's header; type SHT_NULL where there is none. (A copy: libelf's may be misaligned.)
Elf64_Shdr section_header(Elf_Scn *section);

} // namespace sharedregion
