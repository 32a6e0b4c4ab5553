// SPDX-License-Identifier: GPL-2.0-or-later
#include "libdyldshim/tail/map_elf.h"

#include "libdyldshim/shared/syscalls.h"
#include "sharedregion/units.h"

namespace sharedregion {

bool map_segment(int fd, uint64_t bias, const Elf64_Phdr &phdr, int how) {
    int protection = (phdr.p_flags & PF_R ? PROT_READ : 0) | (phdr.p_flags & PF_W ? PROT_WRITE : 0) |
                     (phdr.p_flags & PF_X ? PROT_EXEC : 0);
    uint64_t begin = align_down(phdr.p_vaddr, kPageSize);
    uint64_t file_end = phdr.p_vaddr + phdr.p_filesz;
    uint64_t anon_begin = align_up(file_end, kPageSize);
    uint64_t end = align_up(phdr.p_vaddr + phdr.p_memsz, kPageSize);
    if (anon_begin != begin &&
        is_error(sys_mmap(bias + begin, anon_begin - begin, protection, MAP_PRIVATE | how, fd,
                          align_down(phdr.p_offset, kPageSize))))
        return false;
    if (phdr.p_memsz == phdr.p_filesz)
        return true;
    __builtin_memset(reinterpret_cast<void *>(bias + file_end), 0, anon_begin - file_end);
    return end == anon_begin || !is_error(sys_mmap(bias + anon_begin, end - anon_begin, protection,
                                                   MAP_PRIVATE | MAP_ANONYMOUS | how, -1, 0));
}

} // namespace sharedregion
