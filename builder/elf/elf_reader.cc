// SPDX-License-Identifier: GPL-2.0-or-later
// Reading an object: program headers, notes, and the order of the steps.
#include "builder/elf/elf_reader.h"

#include "sharedregion/elf_view.h"
#include "sharedregion/units.h"

#include <algorithm>
#include <cstddef>

namespace sharedregion {

namespace {

// RIP-relative addressing reaches 2 GiB: no linker makes a larger object (psABI, small code model;
// larger ones would not fit the region either).
constexpr uint64_t kLargestImage = 1ULL << 31;

bool power_of_two(uint64_t value) {
    return value != 0 && (value & (value - 1)) == 0;
}

} // namespace

uint64_t ElfImage::end() const {
    return align_up(segments.back().vaddr + segments.back().mem_size, kPageSize);
}

const ElfVersion *ElfImage::version(uint32_t index) const {
    if (index >= versyms.size())
        return nullptr;
    uint16_t version = versyms[index] & 0x7fff;
    if (version < 2 || version >= versions.size() || versions[version].name.empty())
        return nullptr;
    return &versions[version];
}

const ElfSegment *ElfImage::segment_at(uint64_t vaddr, uint64_t size) const {
    for (const ElfSegment &segment : segments)
        if (segment.contains(vaddr, size))
            return &segment;
    return nullptr;
}

Result<uint64_t> ElfReader::file_offset(uint64_t vaddr, uint64_t size, const char *what) const {
    for (const ElfSegment &segment : image_.segments)
        if (vaddr >= segment.vaddr && vaddr - segment.vaddr <= segment.file_size &&
            size <= segment.file_size - (vaddr - segment.vaddr))
            return segment.offset + (vaddr - segment.vaddr);
    return bad_elf(what, vaddr);
}

uint64_t ElfReader::file_bytes_after(uint64_t vaddr) const {
    for (const ElfSegment &segment : image_.segments)
        if (vaddr >= segment.vaddr && vaddr - segment.vaddr < segment.file_size)
            return segment.file_size - (vaddr - segment.vaddr);
    return 0;
}

Status ElfReader::add_segment(const Elf64_Phdr &phdr, uint64_t where) {
    if (phdr.p_filesz > phdr.p_memsz)
        return bad_elf("segment is larger in the file than in memory",
                       where + offsetof(Elf64_Phdr, p_filesz));
    if (phdr.p_offset > file_.size() || phdr.p_filesz > file_.size() - phdr.p_offset)
        return bad_elf("segment lies outside the file (truncated?)", where + offsetof(Elf64_Phdr, p_offset));
    if (phdr.p_vaddr >= kLargestImage || phdr.p_memsz >= kLargestImage)
        if (image_.type == ET_DYN)
            return bad_elf("segment reaches beyond 2 GiB", where + offsetof(Elf64_Phdr, p_vaddr));
    if (phdr.p_vaddr + phdr.p_memsz < phdr.p_vaddr || phdr.p_vaddr + phdr.p_memsz > ~kPageSize)
        return bad_elf("segment wraps around the address space", where + offsetof(Elf64_Phdr, p_vaddr));
    uint64_t align = phdr.p_align < kPageSize ? kPageSize : phdr.p_align;
    if (!power_of_two(align) || align > kLargestImage)
        return bad_elf("segment alignment is not a power of two", where + offsetof(Elf64_Phdr, p_align));
    if (!is_aligned(phdr.p_offset - phdr.p_vaddr, kPageSize))
        return bad_elf("segment's offset and address differ within a page",
                       where + offsetof(Elf64_Phdr, p_offset));
    if (!image_.segments.empty()) {
        const ElfSegment &last = image_.segments.back();
        if (align_down(phdr.p_vaddr, kPageSize) < align_up(last.vaddr + last.mem_size, kPageSize))
            return bad_elf("segments overlap or are out of order", where + offsetof(Elf64_Phdr, p_vaddr));
    }
    image_.segments.push_back(
        {phdr.p_offset, phdr.p_vaddr, phdr.p_filesz, phdr.p_memsz, align, phdr.p_flags});
    return Success{};
}

Status ElfReader::read_notes(const Elf64_Phdr &phdr) {
    auto bytes = TRY(file_.array<unsigned char>(phdr.p_offset, phdr.p_filesz, "notes lie outside the file"));
    // Elf64_Nhdr needs 4-byte alignment: vectors have more.
    if (image_.build_id.size == 0)
        image_.build_id = find_build_id(ByteView(bytes.data(), bytes.size()));
    return Success{};
}

Status ElfReader::read_segments() {
    for (uint64_t i = 0; i < file_.phdrs().size(); i++) {
        const Elf64_Phdr &phdr = file_.phdrs()[i];
        uint64_t where = file_.header().e_phoff + i * sizeof phdr;
        ElfRange range{phdr.p_vaddr, phdr.p_filesz, phdr.p_memsz, phdr.p_align != 0 ? phdr.p_align : 1};
        if (phdr.p_type == PT_LOAD && phdr.p_memsz != 0)
            TRY(add_segment(phdr, where));
        else if (phdr.p_type == PT_NOTE)
            TRY(read_notes(phdr));
        else if (phdr.p_type == PT_TLS)
            image_.tls = range;
        else if (phdr.p_type == PT_GNU_RELRO)
            image_.relro = range;
        else if (phdr.p_type == PT_GNU_STACK)
            image_.executable_stack = (phdr.p_flags & PF_X) != 0;
    }
    if (image_.segments.empty())
        return bad_elf("no segment to load", file_.header().e_phoff);
    if (image_.tls.mem_size != 0 &&
        (!power_of_two(image_.tls.align) || image_.tls.mem_size > kLargestImage ||
         image_.tls.align > kLargestImage || image_.tls.file_size > image_.tls.mem_size))
        return bad_elf("PT_TLS is inconsistent", image_.tls.vaddr);
    if (image_.relro.mem_size != 0 && image_.segment_at(image_.relro.vaddr, 1) == nullptr)
        return bad_elf("PT_GNU_RELRO lies in no segment", image_.relro.vaddr);
    return Success{};
}

void ElfReader::read_alignment() {
    uint64_t of_segments = 1, of_sections = 0;
    for (const ElfSegment &segment : image_.segments)
        of_segments = std::max(of_segments, segment.align);
    for (Elf_Scn *section = elf_nextscn(file_.handle(), nullptr); section != nullptr;
         section = elf_nextscn(file_.handle(), section)) {
        Elf64_Shdr header = section_header(section);
        if ((header.sh_flags & SHF_ALLOC) != 0)
            of_sections = std::max(of_sections, header.sh_addralign);
    }
    image_.alignment = of_sections == 0 ? of_segments : std::min(of_sections, of_segments);
}

Result<ElfImage> ElfReader::read() {
    image_.type = file_.header().e_type;
    if (image_.type != ET_DYN && image_.type != ET_EXEC)
        return bad_elf("neither a shared object nor an executable", offsetof(Elf64_Ehdr, e_type));
    TRY(read_segments());
    read_alignment();
    TRY(read_dynamic());
    TRY(read_names());
    TRY(read_symbols());
    TRY(read_versions());
    TRY(read_relocations());
    return std::move(image_);
}

Result<ElfImage> read_elf_image(int fd) {
    return ElfReader(TRY(ElfFile::open(fd))).read();
}

Result<ElfImage> parse_elf_image(ByteView file) {
    return ElfReader(TRY(ElfFile::open(file))).read();
}

} // namespace sharedregion
