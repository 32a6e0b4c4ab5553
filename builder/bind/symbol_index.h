// SPDX-License-Identifier: GPL-2.0-or-later
// Who defines which name: all lookups of all images in one index.
//
// ld.so walks a scope and asks each object's hash table; with one index over all images a lookup is the
// list of a name's definers and a choice among them (resolver.h), whatever the scope's length.
#pragma once

#include "builder/model/cache_model.h"

#include <string_view>
#include <unordered_map>
#include <vector>

namespace sharedregion {

struct Definition {
    ImageIndex image;
    uint32_t symbol; // index in its dynamic symbols
};

class SymbolIndex {
  public:
    // The images must outlive the index and keep their dynamic symbols.
    explicit SymbolIndex(const CacheModel &model);

    // Definitions of the name that symbol `symbol` of `image` has; those of one image are neighbours
    // and in the order of its symbol table.
    Span<const Definition> definitions(ImageIndex image, uint32_t symbol) const;

  private:
    std::vector<std::vector<uint32_t>> names_; // per image (ld.so last): name number of each symbol
    std::vector<Definition> definitions_;      // by name number
    std::vector<uint64_t> begin_; // per name number: first of its definitions; one more at the end
};

// Whether other objects can find symbol `index` of `image` by name (glibc elf/dl-lookup.c: check_match,
// do_lookup_x).
bool is_exported(const ElfImage &image, uint32_t index);

} // namespace sharedregion
