// SPDX-License-Identifier: GPL-2.0-or-later
// Dynamic relocation types of x86-64 (psABI 1.0, table 4.10) that the builder knows: all that glibc's
// ld.so takes (sysdeps/x86_64/dl-machine.h), but COPY, which belongs to programs. PC64 is refused by both.
#pragma once

#include <elf.h>
#include <stdint.h>

namespace sharedregion {

// Bytes that a dynamic relocation writes; 0: a type that the binder does not know.
constexpr uint64_t relocation_size(uint32_t type) {
    switch (type) {
    case R_X86_64_64:
    case R_X86_64_GLOB_DAT:
    case R_X86_64_JUMP_SLOT:
    case R_X86_64_RELATIVE:
    case R_X86_64_IRELATIVE:
    case R_X86_64_DTPMOD64:
    case R_X86_64_DTPOFF64:
    case R_X86_64_TPOFF64:
    case R_X86_64_SIZE64:
        return 8;
    case R_X86_64_32:
    case R_X86_64_PC32:
    case R_X86_64_SIZE32:
        return 4;
    case R_X86_64_TLSDESC:
        return 16;
    default:
        return 0;
    }
}

} // namespace sharedregion
