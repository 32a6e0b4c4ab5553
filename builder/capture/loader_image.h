// SPDX-License-Identifier: GPL-2.0-or-later
// What capture needs to know of the genuine ld.so's file.
#pragma once

#include "builder/capture/debug_hook.h"
#include "builder/capture/elf_facts.h"

namespace sharedregion {

struct LoaderImage {
    std::string path;
    FileIdentity identity;
    ElfFacts facts;
    AddressSpan span;
    std::vector<WritableRange> writable;
    std::vector<std::vector<std::byte>> content; // per writable range, as mapped
    uint64_t resume;                             // offset of the stop point
    uint64_t debug_state;                        // offset of _dl_debug_state, 0: not found
    uint64_t system_call;                        // offset of a syscall instruction
    DebugHook hook;

    // Whether ld.so makes [offset, offset + size) read-only after relocation (PT_GNU_RELRO).
    bool is_relro(uint64_t offset, uint64_t size) const;
};

// Reads ld.so. Errors name what is wrong in the file.
Outcome<LoaderImage> read_loader_image(const std::string &path);

} // namespace sharedregion
