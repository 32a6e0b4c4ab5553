// SPDX-License-Identifier: GPL-2.0-or-later
// See symbol_index.h.
#include "builder/bind/symbol_index.h"

namespace sharedregion {

bool is_exported(const ElfImage &image, uint32_t index) {
    const Elf64_Sym &symbol = image.symbols[index];
    if (index < image.first_export || symbol.st_shndx == SHN_UNDEF)
        return false;
    unsigned type = ELF64_ST_TYPE(symbol.st_info);
    unsigned visibility = ELF64_ST_VISIBILITY(symbol.st_other);
    if (symbol.st_value == 0 && symbol.st_shndx != SHN_ABS && type != STT_TLS)
        return false;
    if (visibility == STV_HIDDEN || visibility == STV_INTERNAL)
        return false;
    unsigned bind = ELF64_ST_BIND(symbol.st_info);
    if (bind != STB_GLOBAL && bind != STB_WEAK && bind != STB_GNU_UNIQUE)
        return false;
    return type == STT_NOTYPE || type == STT_OBJECT || type == STT_FUNC || type == STT_COMMON ||
           type == STT_TLS || type == STT_GNU_IFUNC;
}

SymbolIndex::SymbolIndex(const CacheModel &model) {
    std::unordered_map<std::string_view, uint32_t> numbers;
    const size_t images = model.images.size();
    std::vector<uint64_t> counts;
    names_.resize(images);
    for (size_t i = 0; i < images; i++) {
        const ElfImage &elf = model.images[i].elf;
        names_[i].reserve(elf.symbols.size());
        for (uint32_t s = 0; s < elf.symbols.size(); s++) {
            uint32_t number =
                numbers.try_emplace(elf.name(elf.symbols[s]), static_cast<uint32_t>(numbers.size()))
                    .first->second;
            counts.resize(numbers.size());
            counts[number] += is_exported(elf, s);
            names_[i].push_back(number);
        }
    }
    begin_.resize(counts.size() + 1);
    for (size_t n = 0; n < counts.size(); n++)
        begin_[n + 1] = begin_[n] + counts[n];
    definitions_.resize(begin_.back());
    std::vector<uint64_t> next(begin_.begin(), begin_.end());
    for (size_t i = 0; i < images; i++)
        for (uint32_t s = 0; s < names_[i].size(); s++)
            if (is_exported(model.images[i].elf, s))
                definitions_[next[names_[i][s]]++] = {static_cast<ImageIndex>(i), s};
}

Span<const Definition> SymbolIndex::definitions(ImageIndex image, uint32_t symbol) const {
    uint32_t number = names_[image][symbol];
    return Span<const Definition>(definitions_.data() + begin_[number], begin_[number + 1] - begin_[number]);
}

} // namespace sharedregion
