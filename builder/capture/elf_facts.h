// SPDX-License-Identifier: GPL-2.0-or-later
// What capture needs to know of an ELF file: headers, writable segments as they are mapped, identities.
#pragma once

#include "builder/capture/input_file.h"
#include "sharedregion/elf_view.h"

#include <vector>

namespace sharedregion {

// A page-aligned range of addresses of an image that its process may write: one or more PT_LOADs.
// [begin, begin + file_span) is mapped from the file, [.., begin + size) is anonymous.
struct WritableRange {
    uint64_t begin; // ELF VA
    uint64_t size;
    uint64_t file_span;
};

// The writable PT_LOADs of a program header table, sorted, in pages. Errors (literals): sizes that
// overflow or segments out of order.
Result<std::vector<WritableRange>> writable_ranges(Span<const Elf64_Phdr> phdrs);

// Extent of all PT_LOADs, page-aligned.
struct AddressSpan {
    uint64_t begin;
    uint64_t end;
};
AddressSpan load_span(Span<const Elf64_Phdr> phdrs);

// The headers of a file, copied.
struct ElfFacts {
    Elf64_Ehdr header;
    std::vector<Elf64_Phdr> phdrs;
    BuildId build_id;
    uint64_t phdr_hash;
    std::string interpreter; // PT_INTERP, empty: none

    Span<const Elf64_Phdr> segments() const { return {phdrs.data(), phdrs.size()}; }
    const Elf64_Phdr *segment(uint32_t type) const;
};

// Reads headers, build-id and PT_INTERP. Errors: ENOEXEC (see ElfView::open), EINVAL, errno of read.
Outcome<ElfFacts> read_elf_facts(const InputFile &file);

// The bytes of writable segments as execve(2) or ld.so map them, before anything runs: file content,
// zero behind p_filesz where there is a bss. One entry of range.file_span bytes per range.
Outcome<std::vector<std::vector<std::byte>>> read_writable_content(const InputFile &file,
                                                                   Span<const Elf64_Phdr> phdrs,
                                                                   const std::vector<WritableRange> &ranges);

} // namespace sharedregion
