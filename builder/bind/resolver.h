// SPDX-License-Identifier: GPL-2.0-or-later
// Symbol resolution for the references of one image, as ld.so does it in a given scope.
//
// Source: glibc 2.36 elf/dl-lookup.c (do_lookup_x, check_match, _dl_lookup_symbol_x) and
// elf/dl-reloc.c (RESOLVE_MAP).
#pragma once

#include "builder/bind/symbol_index.h"

namespace sharedregion {

struct Target {
    enum class Kind {
        Unresolved, // nobody in the scope defines it: weak ones are 0, others are for captures to tell
        Absolute,   // SHN_ABS: the value as it is
        Image,      // symbol of a cached image
    };
    Kind kind = Kind::Unresolved;
    ImageIndex image = kNoImage; // of Image
    const Elf64_Sym *symbol = nullptr;

    bool is_ifunc() const { return symbol != nullptr && ELF64_ST_TYPE(symbol->st_info) == STT_GNU_IFUNC; }
};

class Resolver {
  public:
    Resolver(const CacheModel &model, const SymbolIndex &index, ImageIndex image);

    // What symbol `symbol` of the image means; symbol 0 is the image itself at address 0.
    const Target &resolve(uint32_t symbol);

  private:
    Target look_up(uint32_t symbol) const;
    Target search(uint32_t symbol) const;
    Target target(const Definition &definition) const;
    const ElfImage &elf(ImageIndex image) const { return model_.images[image].elf; }

    const CacheModel &model_;
    const SymbolIndex &index_;
    ImageIndex image_;
    std::vector<int> ranks_; // position in the scope, -1: not in it
    std::vector<Target> known_;
    std::vector<bool> is_known_;
};

} // namespace sharedregion
