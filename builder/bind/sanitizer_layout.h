// SPDX-License-Identifier: GPL-2.0-or-later
// Programs that refuse to start where anything is mapped outside of the ranges that they know.
#pragma once

#include "builder/elf/elf_image.h"

namespace sharedregion {

// The runtime of ThreadSanitizer or MemorySanitizer that the object holds or calls, by the name of its
// initializer; empty: none. Their shadow leaves three ranges for mappings (compiler-rt tsan_platform.h,
// msan.h), and the region's area is in none of them. (AddressSanitizer allows all high addresses.)
std::string_view sanitizer_with_fixed_layout(const ElfImage &elf);

} // namespace sharedregion
