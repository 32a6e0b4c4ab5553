// SPDX-License-Identifier: GPL-2.0-or-later
#include "builder/bind/sanitizer_layout.h"

namespace sharedregion {

std::string_view sanitizer_with_fixed_layout(const ElfImage &elf) {
    for (const Elf64_Sym &symbol : elf.symbols)
        for (std::string_view known : {"__tsan_init", "__msan_init"})
            if (elf.name(symbol) == known)
                return known;
    return {};
}

} // namespace sharedregion
