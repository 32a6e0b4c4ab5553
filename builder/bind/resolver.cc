// SPDX-License-Identifier: GPL-2.0-or-later
// See resolver.h.
#include "builder/bind/resolver.h"

#include <climits>

namespace sharedregion {

namespace {

constexpr uint16_t kHiddenVersion = 0x8000;

// A reference with a version finds: that version, or a definition of an unversioned object, or the
// base definition (index 0 or 1) unless the reference forbids it.
bool satisfies_version(const ElfVersion &wanted, const ElfImage &image, uint32_t symbol) {
    if (image.versyms.empty())
        return true;
    const ElfVersion *defined = image.version(symbol);
    if (defined != nullptr)
        return defined->hash == wanted.hash && defined->name == wanted.name;
    return !wanted.hidden && (image.versyms[symbol] & kHiddenVersion) == 0;
}

// The symbol among one object's definitions of a name that a reference finds, or -1.
int64_t choose(Span<const Definition> definitions, const ElfVersion *wanted, const ElfImage &image) {
    int64_t versioned = -1;
    int64_t versioned_count = 0;
    for (const Definition &definition : definitions) {
        uint32_t symbol = definition.symbol;
        if (wanted != nullptr) {
            if (satisfies_version(*wanted, image, symbol))
                return symbol;
            continue;
        }
        // A reference without a version takes the base definition, else the default version if there
        // is just one (index 2 is the object's oldest version, which counts as base).
        uint16_t version = image.versyms.empty() ? 0 : image.versyms[symbol];
        if ((version & ~kHiddenVersion) < 3)
            return symbol;
        if ((version & kHiddenVersion) == 0) {
            versioned = symbol;
            versioned_count++;
        }
    }
    return versioned_count == 1 ? versioned : -1;
}

bool binds_locally(const Elf64_Sym &symbol) {
    unsigned visibility = ELF64_ST_VISIBILITY(symbol.st_other);
    return ELF64_ST_BIND(symbol.st_info) == STB_LOCAL || visibility == STV_HIDDEN ||
           visibility == STV_INTERNAL;
}

} // namespace

Resolver::Resolver(const CacheModel &model, const SymbolIndex &index, ImageIndex image)
    : model_(model), index_(index), image_(image), ranks_(model.images.size(), -1),
      known_(elf(image).symbols.size()), is_known_(elf(image).symbols.size()) {
    int position = 0;
    for (ImageIndex member : model.images[image].scope)
        ranks_[member] = position++;
}

Target Resolver::target(const Definition &definition) const {
    const Elf64_Sym &symbol = elf(definition.image).symbols[definition.symbol];
    if (symbol.st_shndx == SHN_ABS)
        return {Target::Kind::Absolute, definition.image, &symbol};
    return {Target::Kind::Image, definition.image, &symbol};
}

// First object of the scope with a matching definition: weak or not makes no difference (gABI says
// otherwise; ld.so has done so since glibc 2.2), nor does DT_SYMBOLIC, since the image's own scope
// begins with itself.
Target Resolver::search(uint32_t symbol) const {
    const ElfVersion *wanted = elf(image_).version(symbol);
    Span<const Definition> all = index_.definitions(image_, symbol);
    int best = INT_MAX;
    Target found;
    for (uint64_t begin = 0, end = 0; begin < all.size(); begin = end) {
        ImageIndex image = all[begin].image;
        for (end = begin; end < all.size() && all[end].image == image;)
            end++;
        int position = ranks_[image];
        if (position < 0 || position >= best)
            continue;
        int64_t chosen = choose(Span<const Definition>(all.data() + begin, end - begin), wanted, elf(image));
        if (chosen < 0)
            continue;
        best = position;
        found = target({image, static_cast<uint32_t>(chosen)});
    }
    return found;
}

Target Resolver::look_up(uint32_t symbol) const {
    const Elf64_Sym &reference = elf(image_).symbols[symbol];
    bool defined = reference.st_shndx != SHN_UNDEF;
    bool is_protected = ELF64_ST_VISIBILITY(reference.st_other) == STV_PROTECTED;
    if (binds_locally(reference) || (is_protected && defined))
        return target({image_, symbol});
    return search(symbol);
}

const Target &Resolver::resolve(uint32_t symbol) {
    if (!is_known_[symbol]) {
        known_[symbol] = look_up(symbol);
        is_known_[symbol] = true;
    }
    return known_[symbol];
}

} // namespace sharedregion
