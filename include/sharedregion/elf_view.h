// SPDX-License-Identifier: GPL-2.0-or-later
// A bounds-checked view of an ELF64 little-endian x86-64 object, and the identities taken from it.
//
// For the start-up code, make-ld-dyld and dyldctl, which need headers and notes only. The builder
// reads images through libelf (builder/elf).
#pragma once

#include "sharedregion/file_header.h"
#include "sharedregion/result.h"
#include "sharedregion/view.h"

#include <elf.h>

namespace sharedregion {

// FNV-1a, 64 bit (http://www.isthe.com/chongo/tech/comp/fnv): fast, not cryptographic. Used where the
// input was already made by somebody who may run code in the process anyway.
inline constexpr uint64_t kFnvBasis = 0xcbf29ce484222325;
inline uint64_t fnv1a(const void *data, uint64_t size, uint64_t hash = kFnvBasis) {
    const auto *bytes = static_cast<const unsigned char *>(data);
    for (uint64_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * 0x100000001b3;
    return hash;
}

// Hash of a program header table as it is in memory.
inline uint64_t hash_program_headers(Span<const Elf64_Phdr> phdrs) {
    return fnv1a(phdrs.data(), phdrs.size() * sizeof(Elf64_Phdr));
}

// The bytes of the GNU build-id in a PT_NOTE's bytes; empty where there is none (or one shorter than 8).
inline ByteView find_build_id_bytes(ByteView notes) {
    for (uint64_t offset = 0; notes.contains(offset, sizeof(Elf64_Nhdr));) {
        const auto *note = notes.at<Elf64_Nhdr>(offset);
        if (note == nullptr)
            break;
        uint64_t name = offset + sizeof *note;
        uint64_t desc = name + ((uint64_t(note->n_namesz) + 3) & ~3ULL);
        if (!notes.contains(desc, note->n_descsz))
            break;
        if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && note->n_descsz >= 8 &&
            notes.data()[name] == 'G' && notes.data()[name + 1] == 'N' && notes.data()[name + 2] == 'U')
            return notes.part(desc, note->n_descsz);
        offset = desc + ((uint64_t(note->n_descsz) + 3) & ~3ULL);
    }
    return ByteView();
}

// The GNU build-id in a PT_NOTE's bytes; size 0 where there is none (or one shorter than 8 bytes).
inline BuildId find_build_id(ByteView notes) {
    BuildId id = {};
    ByteView bytes = find_build_id_bytes(notes);
    id.size = bytes.size() < sizeof id.bytes ? bytes.size() : sizeof id.bytes;
    for (unsigned i = 0; i < id.size; i++)
        id.bytes[i] = bytes.data()[i];
    return id;
}

// Key of a program in the index: the first 8 bytes of its build-id (`id` holds 8 bytes or more, or
// nothing), else its program headers' hash. Never 0.
inline uint64_t program_key(const uint8_t *id, uint64_t id_size, uint64_t phdr_hash) {
    uint64_t key = phdr_hash;
    if (id_size != 0)
        __builtin_memcpy(&key, id, sizeof key);
    return key != 0 ? key : 1;
}
inline uint64_t program_key(const BuildId &id, uint64_t phdr_hash) {
    return program_key(id.bytes, id.size, phdr_hash);
}

// Key of the set that the same program has with the shim preloaded.
inline uint64_t shim_key(uint64_t key) {
    key ^= 0x7368'696d'7368'696d;
    return key != 0 ? key : 1;
}

// ELF header and program headers of a whole file or of a mapped image's first page.
class ElfView {
  public:
    // Errors: ENOEXEC with the offset of the field that is wrong.
    static Result<ElfView> open(ByteView bytes) {
        const auto *header = bytes.at<Elf64_Ehdr>(0);
        if (header == nullptr)
            return Error{8, "shorter than an ELF header", bytes.size()};
        if (header->e_ident[0] != 0x7f || header->e_ident[1] != 'E' || header->e_ident[2] != 'L' ||
            header->e_ident[3] != 'F')
            return Error{8, "not an ELF file", 0};
        if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB)
            return Error{8, "not a 64-bit little-endian ELF file", EI_CLASS};
        if (header->e_machine != EM_X86_64)
            return Error{8, "not an x86-64 ELF file", offsetof(Elf64_Ehdr, e_machine)};
        if (header->e_phentsize != sizeof(Elf64_Phdr))
            return Error{8, "program header entries have an unknown size", offsetof(Elf64_Ehdr, e_phentsize)};
        ElfView view;
        view.bytes_ = bytes;
        view.header_ = header;
        if (!bytes.array(header->e_phoff, header->e_phnum, &view.phdrs_))
            return Error{8, "program headers lie outside the file", offsetof(Elf64_Ehdr, e_phoff)};
        return view;
    }

    const Elf64_Ehdr &header() const { return *header_; }
    Span<const Elf64_Phdr> phdrs() const { return phdrs_; }
    ByteView bytes() const { return bytes_; }

    // First program header of a type, or nullptr.
    const Elf64_Phdr *phdr(uint32_t type) const {
        for (const Elf64_Phdr &phdr : phdrs_)
            if (phdr.p_type == type)
                return &phdr;
        return nullptr;
    }

    // The build-id found through PT_NOTE by file offset; size 0: none.
    BuildId build_id() const {
        for (const Elf64_Phdr &phdr : phdrs_) {
            if (phdr.p_type != PT_NOTE)
                continue;
            BuildId id = find_build_id(bytes_.part(phdr.p_offset, phdr.p_filesz));
            if (id.size != 0)
                return id;
        }
        return BuildId{};
    }

  private:
    ByteView bytes_;
    const Elf64_Ehdr *header_ = nullptr;
    Span<const Elf64_Phdr> phdrs_;
};

// The vDSO is mapped whole; its headers and notes lie in its first page.
inline constexpr uint64_t kVdsoHeaderBytes = 4096;

// What tells one kernel's vDSO from another's: hash of ELF header, program headers and notes of the
// vDSO in memory at `base` (AT_SYSINFO_EHDR). 0 where base is null or not an ELF.
inline uint64_t hash_vdso(const void *base) {
    if (base == nullptr)
        return 0;
    auto opened = ElfView::open(ByteView(base, kVdsoHeaderBytes));
    if (!opened.ok())
        return 0;
    const ElfView &view = opened.value();
    uint64_t hash = fnv1a(&view.header(), sizeof(Elf64_Ehdr));
    hash = fnv1a(view.phdrs().data(), view.phdrs().size() * sizeof(Elf64_Phdr), hash);
    for (const Elf64_Phdr &phdr : view.phdrs()) {
        ByteView notes = view.bytes().part(phdr.p_offset, phdr.p_filesz);
        if (phdr.p_type == PT_NOTE)
            hash = fnv1a(notes.data(), notes.size(), hash);
    }
    return hash;
}

} // namespace sharedregion
