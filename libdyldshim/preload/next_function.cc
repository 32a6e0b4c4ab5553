// SPDX-License-Identifier: GPL-2.0-or-later
// dlsym(RTLD_NEXT) without dlsym(3), which clears what dlerror(3) has to tell the program, and takes a lock
// that a thread may hold which waits for this one (in a constructor). Here nothing is written and nothing
// locked: _dl_find_object(3) is made for unwinders, and the objects that the program began with are never
// unloaded.
#include "libdyldshim/preload/interposed.h"

#include "libdyldshim/shared/strings.h"

#include <link.h>

namespace sharedregion {
namespace {

// DT_GNU_HASH: this header, then 64-bit words of a filter, buckets, and a chain of hashes for the symbols
// from `first` on. Source: glibc elf/dl-setup_hash.c.
struct GnuHash {
    uint32_t bucket_count, first, filter_words, filter_shift;
    const uint32_t *buckets() const {
        return reinterpret_cast<const uint32_t *>(this + 1) + 2 * filter_words;
    }
    const uint32_t *chain() const { return buckets() + bucket_count; }
};

struct Symbols {
    const GnuHash *hash = nullptr;
    const Elf64_Sym *symbols = nullptr;
    const Elf64_Versym *versions = nullptr; // nullptr: the symbols have none
    const char *strings = nullptr;
};

// An address of a dynamic section: ld.so relocates those in place, but for the vDSO.
template <class T> void take_address(const link_map &map, const Elf64_Dyn &entry, const T **out) {
    const Elf64_Addr address = entry.d_un.d_ptr;
    *out = reinterpret_cast<const T *>(address < map.l_addr ? map.l_addr + address : address);
}

Symbols symbols_of(const link_map &map) {
    Symbols symbols;
    for (const Elf64_Dyn *entry = map.l_ld; entry->d_tag != DT_NULL; entry++) {
        if (entry->d_tag == DT_GNU_HASH)
            take_address(map, *entry, &symbols.hash);
        else if (entry->d_tag == DT_SYMTAB)
            take_address(map, *entry, &symbols.symbols);
        else if (entry->d_tag == DT_VERSYM)
            take_address(map, *entry, &symbols.versions);
        else if (entry->d_tag == DT_STRTAB)
            take_address(map, *entry, &symbols.strings);
    }
    return symbols;
}

uint32_t hash_name(const char *name) {
    uint32_t hash = 5381;
    for (; *name != 0; name++)
        hash = hash * 33 + static_cast<unsigned char>(*name);
    return hash;
}

// Whether symbol `index` is this function's definition, in the version that new programs are linked to.
bool is_definition(const Symbols &object, uint32_t index, const char *name) {
    constexpr Elf64_Versym kHidden = 0x8000;
    const Elf64_Sym &symbol = object.symbols[index];
    return symbol.st_shndx != SHN_UNDEF && ELF64_ST_TYPE(symbol.st_info) == STT_FUNC &&
           (object.versions == nullptr || (object.versions[index] & kHidden) == 0) &&
           equal_strings(object.strings + symbol.st_name, name);
}

// The function's address in an object; nullptr: it does not define it.
void *find_function(const link_map &map, const char *name, uint32_t hash) {
    const Symbols object = symbols_of(map);
    if (object.hash == nullptr || object.hash->bucket_count == 0)
        return nullptr;
    uint32_t index = object.hash->buckets()[hash % object.hash->bucket_count];
    if (index < object.hash->first)
        return nullptr;
    for (;; index++) {
        const uint32_t link = object.hash->chain()[index - object.hash->first]; // bit 0: the last one
        if ((link | 1) == (hash | 1) && is_definition(object, index, name))
            return reinterpret_cast<void *>(map.l_addr + object.symbols[index].st_value);
        if ((link & 1) != 0)
            return nullptr;
    }
}

} // namespace

void *find_next_function(const char *name) {
    dl_find_object own;
    if (_dl_find_object(reinterpret_cast<void *>(&find_next_function), &own) != 0)
        return nullptr;
    const uint32_t hash = hash_name(name);
    for (const link_map *map = own.dlfo_link_map->l_next; map != nullptr; map = map->l_next)
        if (void *function = find_function(*map, name, hash))
            return function;
    return nullptr;
}

} // namespace sharedregion
