// SPDX-License-Identifier: GPL-2.0-or-later
// Mapping ELF segments as the kernel does at execve(2).
#pragma once

#include <elf.h>
#include <stdint.h>

namespace sharedregion {

// Maps one PT_LOAD at its place above the load bias, as elf_load() (fs/binfmt_elf.c) does. `how`: MAP_FIXED
// over a reservation, or MAP_FIXED_NOREPLACE.
bool map_segment(int fd, uint64_t bias, const Elf64_Phdr &phdr, int how);

} // namespace sharedregion
