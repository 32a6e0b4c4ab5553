// SPDX-License-Identifier: GPL-2.0-or-later
// Programs that refuse to start where anything is mapped outside of the ranges that they know.
#pragma once

#include "builder/elf/elf_image.h"

namespace sharedregion {

// The runtime of ThreadSanitizer, MemorySanitizer or DataFlowSanitizer that the object holds or calls, by the
// name of one of its functions or by one of its messages; empty: none. Their shadow leaves few ranges for
// mappings (compiler-rt tsan_platform.h, msan.h, dfsan_platform.h), and the region's area is in none of them.
// (AddressSanitizer allows all high addresses.) `fd`: the object's file; what cannot be read holds none.
std::string_view sanitizer_with_fixed_layout(const ElfImage &elf, int fd);

} // namespace sharedregion
