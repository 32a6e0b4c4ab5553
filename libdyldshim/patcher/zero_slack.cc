// SPDX-License-Identifier: GPL-2.0-or-later
#include "libdyldshim/patcher/zero_slack.h"

#include "sharedregion/units.h"

#include <algorithm>

namespace sharedregion {
namespace {

// First file offset from `begin` on, up to `end`, that something else uses.
uint64_t next_use(const ElfView &elf, uint64_t begin, uint64_t end) {
    auto limit = [&](uint64_t offset, uint64_t size) {
        if (size != 0 && offset + size > begin)
            end = std::min(end, std::max(offset, begin));
    };
    for (const Elf64_Phdr &phdr : elf.phdrs())
        if (phdr.p_type == PT_LOAD)
            limit(phdr.p_offset, phdr.p_filesz);
    const Elf64_Ehdr &header = elf.header();
    limit(header.e_shoff, uint64_t(header.e_shnum) * header.e_shentsize);
    return std::min(end, elf.bytes().size());
}

// No other segment is mapped from `address` on up to `end`: the page belongs to this segment only.
bool owns_page(const ElfView &elf, const Elf64_Phdr &owner, uint64_t page) {
    for (const Elf64_Phdr &phdr : elf.phdrs())
        if (phdr.p_type == PT_LOAD && &phdr != &owner && align_down(phdr.p_vaddr, kPageSize) <= page &&
            phdr.p_vaddr + phdr.p_memsz > page)
            return false;
    return true;
}

} // namespace

Outcome<std::vector<ZeroSlack>> find_zero_slack(const ElfView &elf, const std::string &file) {
    std::vector<ZeroSlack> found;
    for (const Elf64_Phdr &phdr : elf.phdrs()) {
        if (phdr.p_type != PT_LOAD)
            continue;
        auto index = static_cast<uint32_t>(&phdr - elf.phdrs().data());
        uint64_t where = elf.header().e_phoff + index * sizeof phdr;
        if (!elf.bytes().contains(phdr.p_offset, phdr.p_filesz) || phdr.p_filesz > phdr.p_memsz ||
            phdr.p_vaddr + phdr.p_memsz < phdr.p_vaddr)
            return Failure::about(file, "a segment lies outside the file; the file is damaged", where);
        uint64_t end_address = phdr.p_vaddr + phdr.p_filesz;
        uint64_t padding = align_up(end_address, 16) - end_address;
        if ((phdr.p_flags & PF_W) != 0 || phdr.p_memsz != phdr.p_filesz || phdr.p_filesz == 0 ||
            !owns_page(elf, phdr, align_down(end_address - 1, kPageSize)))
            continue;
        uint64_t begin = phdr.p_offset + phdr.p_filesz;
        uint64_t end = next_use(elf, begin, begin + align_up(end_address, kPageSize) - end_address);
        if (end < begin + padding)
            continue;
        const unsigned char *bytes = elf.bytes().data();
        const unsigned char *used = std::find_if(bytes + begin, bytes + end, [](auto b) { return b != 0; });
        if (used != bytes + end)
            return Failure::about(file, "bytes behind a segment are not zero: no place for our code",
                                  static_cast<uint64_t>(used - bytes));
        found.push_back(ZeroSlack{index, (phdr.p_flags & PF_X) != 0, begin + padding, end_address + padding,
                                  end - begin - padding});
    }
    return found;
}

} // namespace sharedregion
