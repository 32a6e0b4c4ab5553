// SPDX-License-Identifier: GPL-2.0-or-later
#include "libdyldshim/tail/genuine.h"

#include "libdyldshim/shared/same_file.h"
#include "libdyldshim/shared/strings.h"
#include "libdyldshim/shared/syscalls.h"
#include "libdyldshim/tail/map_elf.h"
#include "sharedregion/units.h"

#include <initializer_list>

namespace sharedregion {
namespace {

// The path of a replaced ld.so; nullptr: the machine's ld.so is the one this file was made from. The
// alias comes first: where ld-dyld.so is bind-mounted over the genuine path, only the alias leads to it.
const char *replaced_path(const LoaderConfig &config, uint64_t loader_base, uint64_t *size) {
    for (uint64_t address : {config.alias_path, config.genuine_path}) {
        const char *path = reinterpret_cast<const char *>(loader_base + address);
        struct stat st;
        if (sys_stat(path, &st) != 0 || st.st_size == 0)
            continue; // no alias here, or its empty placeholder
        if (is_same_file(st, config.genuine) || (st.st_dev == config.own_dev && st.st_ino == config.own_ino))
            return nullptr;
        *size = static_cast<uint64_t>(st.st_size);
        return path;
    }
    return nullptr;
}

// How a 64-bit little-endian ELF file begins: magic, class, data, version. (Then comes EI_OSABI, which
// differs between builds of glibc.)
bool is_elf(const Elf64_Ehdr &header) {
    constexpr uint64_t kIdentification = 0x01'01'02'46'4c'45'7f;
    uint64_t word;
    __builtin_memcpy(&word, header.e_ident, sizeof word);
    return word << 8 == kIdentification << 8;
}

// Maps all of an ld.so of `size` bytes whose first page is at `header`; its load bias, or 0.
uint64_t map_loader(int fd, uint64_t size, const Elf64_Ehdr *header) {
    const auto *phdrs = reinterpret_cast<const Elf64_Phdr *>(header + 1);
    uint64_t span = 0;
    for (unsigned i = 0; i < header->e_phnum; i++) {
        if (phdrs[i].p_type != PT_LOAD)
            continue;
        span = align_up(phdrs[i].p_vaddr + phdrs[i].p_memsz, kPageSize);
        if (phdrs[i].p_offset + phdrs[i].p_filesz > size)
            return 0;
    }
    long base = sys_mmap(0, span, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (is_error(base))
        return 0;
    for (unsigned i = 0; i < header->e_phnum; i++)
        if (phdrs[i].p_type == PT_LOAD && !map_segment(fd, static_cast<uint64_t>(base), phdrs[i], MAP_FIXED))
            return 0;
    return static_cast<uint64_t>(base);
}

// Load bias of the ld.so at `path`, mapped; 0 where that is impossible.
uint64_t load(const char *path, uint64_t size) {
    int fd = sys_open(path);
    long page = sys_mmap(0, kPageSize, PROT_READ, MAP_PRIVATE, fd, 0);
    uint64_t base = 0;
    if (!is_error(page)) {
        const auto *header = reinterpret_cast<const Elf64_Ehdr *>(page);
        if (is_elf(*header) && header->e_machine == EM_X86_64 && header->e_phoff == sizeof *header)
            base = map_loader(fd, size, header);
        sys_munmap(static_cast<uint64_t>(page), kPageSize);
    }
    sys_close(fd);
    return base;
}

const Elf64_Ehdr &header_at(uint64_t base) {
    return *reinterpret_cast<const Elf64_Ehdr *>(base);
}

// Whether the file mapped at `base` is another ld-dyld.so: it would send us in circles.
bool is_patched(uint64_t base, const LoaderConfig &config) {
    const char *magic = reinterpret_cast<const char *>(base + header_at(base).e_entry + kConfigOffset);
    return equal_words<sizeof config.magic>(magic, config.magic);
}

} // namespace

uint64_t genuine_entry(const StartArgs &args, const LoaderConfig &config, uint64_t loader_base) {
    uint64_t base = loader_base;
    uint64_t entry = loader_base + config.genuine_entry;
    uint64_t size;
    if (const char *path = replaced_path(config, loader_base, &size)) {
        uint64_t newer = load(path, size);
        if (newer != 0 && !is_patched(newer, config)) {
            base = newer;
            entry = newer + header_at(newer).e_entry;
        }
    }
    // Tell it what the kernel would have told that ld.so.
    if (args.value(AT_ENTRY) == loader_base + config.address - kConfigOffset) {
        // It knows by AT_ENTRY that it runs as a command, and then looks at its own headers.
        args.set_value(AT_ENTRY, entry);
        args.set_value(AT_PHDR, base + sizeof(Elf64_Ehdr));
        args.set_value(AT_PHNUM, header_at(base).e_phnum);
    } else if (base != loader_base) {
        args.set_value(AT_BASE, base);
    }
    return entry;
}

} // namespace sharedregion
