// SPDX-License-Identifier: GPL-2.0-or-later
// What the cache can hold; everything that the binder relies on.
#include "builder/bind/binder.h"

#include "builder/bind/relocation_types.h"
#include "sharedregion/relr.h"

namespace sharedregion {

namespace {

constexpr int kUnsupported = 95; // EOPNOTSUPP

Error unsupported(const char *what, uint64_t where) {
    return Error{kUnsupported, what, where};
}

Status check_segment(const ElfSegment &segment) {
    if (segment.writable() && (segment.flags & PF_X) != 0)
        return unsupported("a segment is both writable and executable", segment.vaddr);
    if (!segment.writable() && segment.mem_size != segment.file_size)
        return unsupported("a read-only segment has bss", segment.vaddr);
    return Success{};
}

// `size` bytes at `vaddr` lie in the file part of a writable segment. (Linkers put nothing that is
// relocated into bss.)
Status check_place(const ElfImage &elf, uint64_t vaddr, uint64_t size) {
    const ElfSegment *segment = elf.segment_at(vaddr, size);
    if (segment == nullptr)
        return unsupported("a relocation's place lies outside the segments", vaddr);
    if (!segment->writable())
        return unsupported("a relocation's place is not writable (text relocation)", vaddr);
    if (vaddr - segment->vaddr + size > segment->file_size)
        return unsupported("a relocation's place lies in bss", vaddr);
    return Success{};
}

Status check_relocations(const ElfImage &elf, const std::vector<Elf64_Rela> &relocations) {
    for (const Elf64_Rela &relocation : relocations) {
        auto type = static_cast<uint32_t>(ELF64_R_TYPE(relocation.r_info));
        if (type == R_X86_64_NONE)
            continue;
        if (type == R_X86_64_COPY)
            return unsupported("COPY relocation in a shared object", relocation.r_offset);
        uint64_t size = relocation_size(type);
        if (size == 0)
            return unsupported("a relocation has an unknown type", relocation.r_offset);
        TRY(check_place(elf, relocation.r_offset, size));
        // Slide information and sets know whole words only.
        if (!is_aligned(relocation.r_offset, size < 8 ? size : 8))
            return unsupported("a relocated word is not aligned", relocation.r_offset);
    }
    return Success{};
}

Status check_relr(const ElfImage &elf) {
    Status result = Success{};
    bool good = true;
    uint64_t bad_place = 0;
    relr_for_each(Span<const uint64_t>(elf.relr.data(), elf.relr.size()), [&](uint64_t vaddr) {
        if (!good || (check_place(elf, vaddr, 8).ok() && is_aligned(vaddr, 8)))
            return;
        good = false;
        bad_place = vaddr;
    });
    if (!good)
        return unsupported("DT_RELR: a place is not an aligned word of the writable file part", bad_place);
    return Success{};
}

// An image's place in the region keeps its p_align, and the region's base is a multiple of 2 MiB
// (docs/decisions/0010). The thread-local block lies in the loader heap, which moves with it.
Status check_alignment(const ElfImage &elf) {
    if (elf.alignment > kLargePageSize)
        return unsupported("wants data or code aligned to more than 2 MiB", 0);
    if (elf.tls.mem_size != 0 && elf.tls.align > kLargePageSize)
        return unsupported("wants thread-local data aligned to more than 2 MiB", elf.tls.vaddr);
    return Success{};
}

} // namespace

// The types are those of glibc's elf_machine_lazy_rel (sysdeps/x86_64/dl-machine.h).
Status check_lazy_binding(const ElfImage &elf) {
    if (elf.binds_at_once())
        return Success{};
    for (const Elf64_Rela &relocation : elf.plt_relocations)
        switch (ELF64_R_TYPE(relocation.r_info)) {
        case R_X86_64_JUMP_SLOT:
        case R_X86_64_TLSDESC:
        case R_X86_64_IRELATIVE:
            break;
        default:
            return unsupported("ld.so refuses a relocation of this type in DT_JMPREL", relocation.r_offset);
        }
    return Success{};
}

Status check_cacheable(const ElfImage &elf) {
    if (elf.type != ET_DYN)
        return unsupported("not a shared object", 0);
    if ((elf.flags & DF_TEXTREL) != 0)
        return unsupported("has text relocations", 0);
    TRY(check_alignment(elf));
    for (const ElfSegment &segment : elf.segments)
        TRY(check_segment(segment));
    TRY(check_relocations(elf, elf.relocations));
    TRY(check_relocations(elf, elf.plt_relocations));
    TRY(check_lazy_binding(elf));
    return check_relr(elf);
}

} // namespace sharedregion
