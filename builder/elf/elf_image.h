// SPDX-License-Identifier: GPL-2.0-or-later
// What the builder knows of one ELF64 x86-64 object (a DSO or ld.so), as ld.so would see it.
//
// Everything comes from the program headers and the dynamic section; section headers are used for
// `alignment` and .symtab (read_symbol_table) only. An ElfImage owns all that it refers to, and everything in
// it was checked: names end inside the string table, symbol indices of relocations exist, segments are
// ordered and do not share pages.
#pragma once

#include "sharedregion/file_header.h"
#include "sharedregion/result.h"
#include "sharedregion/view.h"

#include <elf.h>
#include <string>
#include <string_view>
#include <vector>

namespace sharedregion {

// A PT_LOAD.
struct ElfSegment {
    uint64_t offset; // p_offset
    uint64_t vaddr;
    uint64_t file_size;
    uint64_t mem_size;
    uint64_t align; // a power of two, at least a page
    uint32_t flags; // PF_*

    bool writable() const { return (flags & PF_W) != 0; }
    bool contains(uint64_t address, uint64_t size) const {
        return address >= vaddr && size <= mem_size && address - vaddr <= mem_size - size;
    }
};

// An address range of PT_TLS or PT_GNU_RELRO; mem_size 0: there is none.
struct ElfRange {
    uint64_t vaddr = 0;
    uint64_t file_size = 0;
    uint64_t mem_size = 0;
    uint64_t align = 1;
};

// A symbol version as a versym index names it: defined here (verdef) or wanted (verneed).
struct ElfVersion {
    std::string_view name; // empty: the index is not in use
    uint32_t hash = 0;     // vd_hash, vna_hash
    bool hidden = false;   // verneed: bit 15 of vna_other
};

// Constructors and destructors: addresses of functions and of pointer arrays, 0 where absent.
struct ElfInitializers {
    uint64_t init = 0, fini = 0;
    uint64_t init_array = 0, init_array_size = 0;
    uint64_t fini_array = 0, fini_array_size = 0;
};

struct ElfImage {
    uint16_t type = ET_NONE;          // ET_DYN or ET_EXEC
    std::vector<ElfSegment> segments; // by vaddr
    ElfRange tls, relro;
    BuildId build_id = {};
    bool executable_stack = false;
    // What its content needs: the largest sh_addralign. (p_align is at least the linker's page size, often
    // 2 MiB, but says that too where there are no section headers.)
    uint64_t alignment = 1;

    std::vector<char> strings; // DT_STRTAB; all string_views below point into it
    std::string_view soname;   // empty: none
    std::vector<std::string_view> needed;
    uint64_t flags = 0;   // DT_FLAGS, with DF_SYMBOLIC, DF_TEXTREL and DF_BIND_NOW also from their old tags
    uint64_t flags_1 = 0; // DT_FLAGS_1
    ElfInitializers initializers;

    std::vector<Elf64_Sym> symbols; // DT_SYMTAB
    uint32_t first_export = 0;      // symbols below it are not found by name (DT_GNU_HASH's symoffset)
    std::vector<uint16_t> versyms;  // one per symbol, or empty: no versions
    std::vector<ElfVersion> versions;

    std::vector<Elf64_Rela> relocations;     // DT_RELA
    std::vector<Elf64_Rela> plt_relocations; // DT_JMPREL
    std::vector<uint64_t> relr;              // DT_RELR entries

    bool symbolic() const { return (flags & DF_SYMBOLIC) != 0; }
    bool binds_at_once() const { return (flags & DF_BIND_NOW) != 0 || (flags_1 & DF_1_NOW) != 0; }
    // VA just after the last segment, page-aligned.
    uint64_t end() const;
    std::string_view name(const Elf64_Sym &symbol) const { return strings.data() + symbol.st_name; }
    // The version that symbol `index` has or wants; nullptr where it has none.
    const ElfVersion *version(uint32_t index) const;
    // The segment that holds [vaddr, vaddr + size) in memory, or nullptr.
    const ElfSegment *segment_at(uint64_t vaddr, uint64_t size) const;
};

// Reads from a file, or from bytes in memory. Errors: code ENOEXEC (8), the file offset of the
// field that is wrong or inconsistent.
Result<ElfImage> read_elf_image(int fd);
Result<ElfImage> parse_elf_image(ByteView file);

// .symtab, where the file has one: for the merged symbol table only.
struct SymbolTable {
    std::vector<Elf64_Sym> symbols;
    std::vector<char> strings; // ends with a NUL; every st_name lies inside
};
Result<SymbolTable> read_symbol_table(int fd);

} // namespace sharedregion
