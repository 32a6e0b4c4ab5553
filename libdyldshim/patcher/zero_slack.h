// SPDX-License-Identifier: GPL-2.0-or-later
// Unused bytes at the ends of an ELF file's read-only segments: mapped, never read, all zero.
#pragma once

#include "sharedregion/elf_view.h"
#include "sharedregion/failure.h"

#include <vector>

namespace sharedregion {

struct ZeroSlack {
    uint32_t segment; // index of the program header
    bool executable;
    uint64_t file_offset; // 16-byte aligned, as `address`
    uint64_t address;     // ELF VA
    uint64_t size;
};

// The slack of each PT_LOAD that is not writable, up to the end of its last page. Bytes that belong to
// anything else in the file (a segment, the section headers) end it. Errors: a PT_LOAD that lies
// outside the file or has bytes in its slack that are not zero.
Outcome<std::vector<ZeroSlack>> find_zero_slack(const ElfView &elf, const std::string &file);

} // namespace sharedregion
