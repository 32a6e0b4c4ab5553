// SPDX-License-Identifier: GPL-2.0-or-later
// Why a start went on by plain ld.so, left in ld-dyld.so's memory for the shim to tell
// (dyldshim_jit_reason()).
//
// It lies before ld-dyld.so's data, in the part of their first page that holds nothing: a plain start writes
// to that page anyway, and the page becomes read-only with the rest of relro.
#pragma once

#include "libdyldshim/config.h"

#include <elf.h>

namespace sharedregion {

inline constexpr uint32_t kStartRecordMagic = 0x54494a44; // "DJIT"

struct StartRecord {
    uint32_t magic;  // kStartRecordMagic
    uint32_t reason; // JitReason
};

// The place of the record in the ld-dyld.so that is mapped with this load bias; nullptr: it is another ld.so,
// or one without room.
inline StartRecord *start_record(uint64_t loader_base) {
    const auto *header = reinterpret_cast<const Elf64_Ehdr *>(loader_base);
    const auto *magic = reinterpret_cast<const char *>(loader_base + header->e_entry + kConfigOffset);
    if (__builtin_memcmp(magic, kLoaderConfigMagic, sizeof kLoaderConfigMagic) != 0)
        return nullptr;
    const auto *phdrs = reinterpret_cast<const Elf64_Phdr *>(loader_base + header->e_phoff);
    for (unsigned i = 0; i < header->e_phnum; i++)
        if (phdrs[i].p_type == PT_LOAD && (phdrs[i].p_flags & PF_W) != 0 &&
            phdrs[i].p_vaddr % 4096 >= sizeof(StartRecord))
            return reinterpret_cast<StartRecord *>(loader_base + (phdrs[i].p_vaddr & ~4095ULL));
    return nullptr;
}

} // namespace sharedregion
