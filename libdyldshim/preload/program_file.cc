// SPDX-License-Identifier: GPL-2.0-or-later
#include "libdyldshim/preload/program_file.h"

#include "libdyldshim/preload/kernel.h"
#include "libdyldshim/shared/descriptor_name.h"

#include <elf.h>

namespace sharedregion {
namespace {

bool is_elf_for_us(const Elf64_Ehdr &header) {
    return equal_bytes(header.e_ident, ELFMAG, SELFMAG) && header.e_ident[EI_CLASS] == ELFCLASS64 &&
           header.e_ident[EI_DATA] == ELFDATA2LSB && header.e_machine == EM_X86_64 &&
           (header.e_type == ET_DYN || header.e_type == ET_EXEC) && header.e_phentsize == sizeof(Elf64_Phdr);
}

// PT_INTERP's string, by whatever directory: ld.so of glibc for x86-64 has one name.
bool is_our_interpreter(int fd, const Elf64_Phdr &phdr) {
    constexpr char kName[] = "/ld-linux-x86-64.so.2";
    char end[sizeof kName];
    return phdr.p_filesz >= sizeof end &&
           read_exactly(fd, end, sizeof end, phdr.p_offset + phdr.p_filesz - sizeof end) &&
           equal_bytes(end, kName, sizeof end);
}

bool has_our_interpreter(int fd) {
    Elf64_Ehdr header;
    Elf64_Phdr phdr;
    if (!read_exactly(fd, &header, sizeof header, 0) || !is_elf_for_us(header))
        return false;
    for (unsigned i = 0; i < header.e_phnum; i++) {
        if (!read_exactly(fd, &phdr, sizeof phdr, header.e_phoff + i * sizeof phdr))
            return false;
        if (phdr.p_type == PT_INTERP)
            return is_our_interpreter(fd, phdr);
    }
    return false;
}

bool has_capabilities(int fd) {
    return syscall6(__NR_fgetxattr, static_cast<unsigned>(fd), as_word("security.capability")) > 0;
}

} // namespace

bool starts_by_loader(int directory, const char *path) {
    const int fd = *path != 0 ? sys_openat(directory, path, O_RDONLY | O_CLOEXEC)
                              : sys_open(DescriptorName(directory).text);
    if (fd < 0)
        return false;
    bool result = has_our_interpreter(fd) && !has_capabilities(fd);
    sys_close(fd);
    return result;
}

} // namespace sharedregion
