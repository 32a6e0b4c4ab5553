// SPDX-License-Identifier: GPL-2.0-or-later
#include "libdyldshim/patcher/append_tail.h"

#include "sharedregion/units.h"

#include <cstring>
#include <elf.h>

namespace sharedregion {
namespace {

struct Headers {
    Elf64_Phdr *data = nullptr;  // the last PT_LOAD, the only writable one
    Elf64_Phdr *spare = nullptr; // PT_NULL before it
};

Headers find_headers(std::vector<char> *file) {
    const auto *header = reinterpret_cast<const Elf64_Ehdr *>(file->data());
    auto *phdrs = reinterpret_cast<Elf64_Phdr *>(file->data() + header->e_phoff);
    Headers found;
    for (unsigned i = 0; i < header->e_phnum; i++) {
        if (phdrs[i].p_type == PT_LOAD && found.data != nullptr)
            return Headers();
        if (phdrs[i].p_type == PT_LOAD && (phdrs[i].p_flags & PF_W) != 0)
            found.data = &phdrs[i];
        else if (phdrs[i].p_type == PT_NULL && found.data == nullptr)
            found.spare = &phdrs[i];
    }
    return found;
}

// The other headers that describe a place in `old`: debuggers compare them with the segments.
void move_descriptions(std::vector<char> *file, const Elf64_Phdr &old, uint64_t distance) {
    const auto *header = reinterpret_cast<const Elf64_Ehdr *>(file->data());
    auto *phdrs = reinterpret_cast<Elf64_Phdr *>(file->data() + header->e_phoff);
    const auto in_old = [&](uint64_t address) { return address - old.p_vaddr < old.p_memsz; };
    for (unsigned i = 0; i < header->e_phnum; i++)
        if (phdrs[i].p_type != PT_LOAD && phdrs[i].p_type != PT_NULL && in_old(phdrs[i].p_vaddr))
            phdrs[i].p_offset += distance;
    const uint64_t table_size = uint64_t(header->e_shnum) * sizeof(Elf64_Shdr);
    if (header->e_shentsize != sizeof(Elf64_Shdr) || table_size > file->size() ||
        header->e_shoff > file->size() - table_size || header->e_shoff % alignof(Elf64_Shdr) != 0)
        return;
    auto *sections = reinterpret_cast<Elf64_Shdr *>(file->data() + header->e_shoff);
    for (unsigned i = 0; i < header->e_shnum; i++)
        if ((sections[i].sh_flags & SHF_ALLOC) != 0 && in_old(sections[i].sh_addr))
            sections[i].sh_offset += distance;
}

} // namespace

Outcome<uint64_t> append_tail(std::vector<char> *file, const std::vector<char> &bytes,
                              const std::string &path) {
    constexpr uint64_t kLargest = 1 << 24; // of any ld.so's data: a damaged size must not become memory
    Headers headers = find_headers(file);
    if (headers.data == nullptr || headers.spare == nullptr || headers.data->p_memsz > kLargest)
        return Failure::about(path, "has no free program header, or its segments are laid out in another way "
                                    "than glibc's: this ld.so is not supported");
    const Elf64_Phdr old = *headers.data;
    const uint64_t in_page = old.p_vaddr % kPageSize;
    const uint64_t data_pages = align_up(file->size(), kPageSize);
    const uint64_t tail_offset = data_pages + align_up(in_page + old.p_memsz, kPageSize);

    Elf64_Phdr data = old, tail = old;
    data.p_offset = data_pages + in_page;
    data.p_filesz = data.p_memsz;
    tail.p_flags = PF_R | PF_X;
    tail.p_offset = tail_offset;
    tail.p_vaddr = tail.p_paddr = align_up(old.p_vaddr + old.p_memsz, kPageSize);
    tail.p_filesz = tail.p_memsz = align_up(bytes.size(), kPageSize);
    move_descriptions(file, old, data.p_offset - old.p_offset);
    *headers.spare = data;
    *headers.data = tail;

    file->resize(tail_offset + tail.p_filesz); // `headers` is not valid from here on
    std::memcpy(file->data() + data.p_offset, file->data() + old.p_offset, old.p_filesz);
    std::memcpy(file->data() + tail_offset, bytes.data(), bytes.size());
    return tail.p_vaddr;
}

} // namespace sharedregion
