// SPDX-License-Identifier: GPL-2.0-or-later
// The steps of read_elf_image(): each fills one part of an ElfImage and checks what it fills.
//
// Internal to builder/elf.
#pragma once

#include "builder/elf/elf_file.h"
#include "builder/elf/elf_image.h"

namespace sharedregion {

// The dynamic section's values as they are in the file; addresses are VAs of the object.
struct DynamicValues {
    uint64_t strtab = 0, strsz = 0, symtab = 0;
    uint64_t hash = 0, gnu_hash = 0;
    uint64_t versym = 0, verdef = 0, verdef_count = 0, verneed = 0, verneed_count = 0;
    uint64_t rela = 0, rela_size = 0, jmprel = 0, jmprel_size = 0, relr = 0, relr_size = 0;
    uint64_t soname = 0;
    bool has_soname = false;
    std::vector<uint64_t> needed;
};

class ElfReader {
  public:
    explicit ElfReader(ElfFile file) : file_(std::move(file)) {}
    Result<ElfImage> read();

  private:
    // elf_reader.cc: program headers
    Status read_segments();
    Status add_segment(const Elf64_Phdr &phdr, uint64_t where);
    Status read_notes(const Elf64_Phdr &phdr);
    void read_alignment();
    // elf_dynamic.cc: dynamic section, names, relocation tables
    Status read_dynamic();
    Status take_dynamic_entry(const Elf64_Dyn &entry, uint64_t where);
    Status read_names();
    Status read_relocations();
    Status check_symbol_indices(const std::vector<Elf64_Rela> &relocations, uint64_t where) const;
    Result<std::string_view> string_at(uint64_t offset, uint64_t where) const;
    // elf_symbols.cc: symbols and versions
    Status read_symbols();
    Result<uint32_t> count_symbols();
    Result<uint32_t> count_by_gnu_hash();
    Status read_versions();
    Status read_version_definitions();
    Status read_version_needs();
    Status read_version_needs_of(uint64_t at, const Elf64_Verneed &need, uint64_t *entries_left);
    Status set_version(uint16_t index, ElfVersion version);
    Result<uint32_t> end_of_chain(uint64_t vaddr, uint32_t symbol) const;

    // File offset of `size` bytes at a VA, all of them in one segment's file part.
    Result<uint64_t> file_offset(uint64_t vaddr, uint64_t size, const char *what) const;
    // Bytes of file from a VA to the end of its segment's file part.
    uint64_t file_bytes_after(uint64_t vaddr) const;
    template <class T>
    Result<std::vector<T>> array_at(uint64_t vaddr, uint64_t count, const char *what) const {
        if (count == 0)
            return std::vector<T>();
        if (count > file_.size() / sizeof(T))
            return bad_elf(what, vaddr);
        uint64_t offset = TRY(file_offset(vaddr, count * sizeof(T), what));
        return file_.array<T>(offset, count, what);
    }

    ElfFile file_;
    ElfImage image_;
    DynamicValues dynamic_;
    uint64_t dynamic_offset_ = 0;
};

} // namespace sharedregion
