// SPDX-License-Identifier: GPL-2.0-or-later
// A segment of its own behind an ld.so's last one.
#pragma once

#include "sharedregion/failure.h"

#include <string>
#include <vector>

namespace sharedregion {

// Appends `bytes` to an ld.so (whose headers ElfView has checked) as a readable and executable segment of
// whole pages behind all others, described by a program header that is PT_NULL; headers stay in the order of
// their addresses. The writable segment moves to the end of the file as well, with its bss written out:
// Linux before 6.10 gives zeros to the bss of an interpreter's last segment only (binfmt_elf.c,
// load_elf_interp()). Returns the ELF VA of `bytes`. Errors: no free header, or another layout.
Outcome<uint64_t> append_tail(std::vector<char> *file, const std::vector<char> &bytes,
                              const std::string &path);

} // namespace sharedregion
