// SPDX-License-Identifier: GPL-2.0-or-later
#include "libdyldshim/shared/program.h"

#include "sharedregion/elf_view.h"

namespace sharedregion {
namespace {

// Whether a note segment is in memory: some linkers describe notes that no PT_LOAD holds.
bool is_loaded(Span<const Elf64_Phdr> phdrs, const Elf64_Phdr &note) {
    for (const Elf64_Phdr &phdr : phdrs)
        if (phdr.p_type == PT_LOAD && note.p_vaddr - phdr.p_vaddr < phdr.p_filesz &&
            note.p_filesz <= phdr.p_filesz - (note.p_vaddr - phdr.p_vaddr))
            return true;
    return false;
}

} // namespace

ProgramImage find_program(const StartArgs &args) {
    Span<const Elf64_Phdr> phdrs(reinterpret_cast<const Elf64_Phdr *>(args.value(AT_PHDR)),
                                 args.value(AT_PHNUM));
    ProgramImage program;
    ByteView id;
    for (const Elf64_Phdr &phdr : phdrs) {
        if (phdr.p_type == PT_PHDR) {
            program.bias = args.value(AT_PHDR) - phdr.p_vaddr;
            program.has_headers = true;
        }
        // PT_PHDR comes first (System V gABI, "Program Header"), so the bias is known.
        if (phdr.p_type == PT_NOTE && program.has_headers && id.size() == 0 && is_loaded(phdrs, phdr))
            id = find_build_id_bytes(
                ByteView(reinterpret_cast<const void *>(program.bias + phdr.p_vaddr), phdr.p_filesz));
    }
    program.key = program_key(id.data(), id.size(), hash_program_headers(phdrs));
    return program;
}

} // namespace sharedregion
