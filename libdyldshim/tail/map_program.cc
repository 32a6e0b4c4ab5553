// SPDX-License-Identifier: GPL-2.0-or-later
#include "libdyldshim/tail/map_program.h"

#include "libdyldshim/shared/syscalls.h"
#include "libdyldshim/tail/map_elf.h"
#include "sharedregion/units.h"
#include "sharedregion/view.h"

#include <linux/random.h>
#include <sys/personality.h>

namespace sharedregion {
namespace {

// Where Linux maps an ET_DYN program without randomisation (ELF_ET_DYN_BASE, arch/x86/include/asm/elf.h): two
// thirds of the user's addresses. It moves a program from there upwards by up to 1 TiB, and puts the heap of
// one without PT_INTERP there, up to 1 GiB above. We move the program downwards, by as much.
constexpr uint64_t kHeapBase = 0x5555'5555'4000;
constexpr uint64_t kRandomPages = 1ULL << 28;

// What is needed of the file's first bytes: a set's program has a handful of headers.
struct FrontPage {
    Elf64_Ehdr header;
    Elf64_Phdr phdrs[24];
};

struct Extent64 {
    uint64_t begin = ~0ULL, end = 0, align = kPageSize;
};

bool is_program_file(int fd) {
    struct stat st;
    return sys_fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & (S_ISUID | S_ISGID)) == 0;
}

bool read_headers(int fd, FrontPage *front) {
    long size = sys_read(fd, front, sizeof *front);
    const Elf64_Ehdr &header = front->header;
    constexpr uint32_t kMagic = 0x464c457f;
    uint32_t magic;
    if (size < static_cast<long>(sizeof header))
        return false;
    __builtin_memcpy(&magic, header.e_ident, sizeof magic);
    return magic == kMagic && header.e_ident[EI_CLASS] == ELFCLASS64 &&
           header.e_ident[EI_DATA] == ELFDATA2LSB && header.e_machine == EM_X86_64 &&
           (header.e_type == ET_DYN || header.e_type == ET_EXEC) && header.e_phoff == sizeof header &&
           header.e_phentsize == sizeof(Elf64_Phdr) && header.e_phnum != 0 &&
           sizeof header + header.e_phnum * sizeof(Elf64_Phdr) <= static_cast<uint64_t>(size);
}

// Whether a segment can be mapped as it is; the kernel would also take stranger ones.
bool is_ordinary(const Elf64_Phdr &phdr) {
    return phdr.p_filesz <= phdr.p_memsz && phdr.p_memsz != 0 && phdr.p_vaddr < kHeapBase &&
           phdr.p_memsz < kHeapBase && phdr.p_vaddr % kPageSize == phdr.p_offset % kPageSize &&
           (phdr.p_memsz == phdr.p_filesz || (phdr.p_flags & PF_W) != 0) &&
           (phdr.p_align & (phdr.p_align - 1)) == 0 && phdr.p_align < 1 << 30;
}

bool measure(Span<const Elf64_Phdr> phdrs, Extent64 *extent) {
    for (const Elf64_Phdr &phdr : phdrs) {
        if (phdr.p_type == PT_GNU_STACK && (phdr.p_flags & PF_X) != 0)
            return false;
        if (phdr.p_type != PT_LOAD)
            continue;
        uint64_t begin = align_down(phdr.p_vaddr, kPageSize);
        if (!is_ordinary(phdr) || begin < extent->end)
            return false;
        extent->begin = begin < extent->begin ? begin : extent->begin;
        extent->end = align_up(phdr.p_vaddr + phdr.p_memsz, kPageSize);
        extent->align = phdr.p_align > extent->align ? phdr.p_align : extent->align;
    }
    return extent->end != 0;
}

// 0 where the caller's address space is not to be random (setarch -R), as for the kernel.
bool random_pages(uint64_t *pages) {
    *pages = 0;
    const long personality = syscall3(__NR_personality, 0xffffffff); // filters of system calls refuse it
    if (!is_error(personality) && (personality & ADDR_NO_RANDOMIZE) != 0)
        return true;
    bool got = syscall3(__NR_getrandom, as_word(pages), sizeof *pages, GRND_NONBLOCK) == sizeof *pages;
    *pages %= kRandomPages;
    return got;
}

// The load bias of an ET_DYN: the program ends below kHeapBase.
bool choose_bias(const Extent64 &extent, uint64_t *bias) {
    uint64_t pages;
    if (!random_pages(&pages) || extent.end - extent.begin > kHeapBase / 2)
        return false;
    uint64_t begin = kHeapBase - (extent.end - extent.begin) - pages * kPageSize;
    *bias = align_down(begin, extent.align) - align_down(extent.begin, extent.align);
    return true;
}

bool map_segments(const FrontPage &front, Span<const Elf64_Phdr> phdrs, MappedProgram *program) {
    Extent64 extent;
    uint64_t bias = 0;
    if (!measure(phdrs, &extent) || (front.header.e_type == ET_DYN && !choose_bias(extent, &bias)))
        return false;
    program->begin = bias + extent.begin;
    program->end = program->begin;
    for (const Elf64_Phdr &phdr : phdrs) {
        if (phdr.p_type != PT_LOAD)
            continue;
        if (!map_segment(program->fd, bias, phdr, MAP_FIXED_NOREPLACE))
            return false;
        program->end = align_up(bias + phdr.p_vaddr + phdr.p_memsz, kPageSize);
        if (phdr.p_offset == 0)
            program->phdr = bias + phdr.p_vaddr + sizeof(Elf64_Ehdr);
    }
    program->phdr_count = phdrs.size();
    program->entry = bias + front.header.e_entry;
    return program->phdr != 0;
}

} // namespace

bool map_program(const char *path, MappedProgram *program) {
    FrontPage front;
    program->fd = sys_open(path);
    if (program->fd < 0)
        return false;
    if (is_program_file(program->fd) && read_headers(program->fd, &front) &&
        map_segments(front, Span<const Elf64_Phdr>(front.phdrs, front.header.e_phnum), program))
        return true;
    unmap_program(*program);
    return false;
}

void unmap_program(const MappedProgram &program) {
    if (program.end != program.begin)
        sys_munmap(program.begin, program.end - program.begin);
    sys_close(program.fd);
}

} // namespace sharedregion
