// SPDX-License-Identifier: GPL-2.0-or-later
// Dynamic symbols and their versions (gABI; "GNU hash", Drepper "How to write shared libraries";
// "ELF Symbol Versioning", Drepper), and .symtab.
#include "builder/elf/elf_reader.h"

#include <algorithm>
#include <cstddef>

namespace sharedregion {

namespace {
struct GnuHashHeader {
    uint32_t bucket_count, first_symbol, bloom_size, bloom_shift;
};
// A versym entry has 15 bits of index, so an object that claims more versions is damaged.
constexpr uint64_t kMaxVersions = 0x8000;
} // namespace

// The last symbol of the hash table is the end of the longest chain's bucket; there is no count field.
Result<uint32_t> ElfReader::count_by_gnu_hash() {
    uint64_t at = dynamic_.gnu_hash;
    auto header = TRY(array_at<GnuHashHeader>(at, 1, "DT_GNU_HASH lies outside the segments' file parts"));
    image_.first_export = header[0].first_symbol;
    uint64_t buckets_at = at + sizeof(GnuHashHeader) + uint64_t(header[0].bloom_size) * sizeof(uint64_t);
    auto buckets = TRY(array_at<uint32_t>(buckets_at, header[0].bucket_count,
                                          "DT_GNU_HASH: buckets lie outside the segments' file parts"));
    uint32_t last = 0;
    for (uint32_t bucket : buckets)
        last = std::max(last, bucket);
    if (last < header[0].first_symbol)
        return header[0].first_symbol;
    uint64_t chain_at =
        buckets_at + (uint64_t(header[0].bucket_count) + last - header[0].first_symbol) * sizeof(uint32_t);
    return end_of_chain(chain_at, last);
}

// `vaddr` is where the chain entry of `symbol` lies; the entry with bit 0 set is the chain's last.
Result<uint32_t> ElfReader::end_of_chain(uint64_t vaddr, uint32_t symbol) const {
    constexpr uint64_t kBlock = 256;
    for (uint64_t left = file_bytes_after(vaddr) / sizeof(uint32_t); left != 0;) {
        uint64_t count = std::min(left, kBlock);
        auto chain = TRY(array_at<uint32_t>(vaddr, count, "DT_GNU_HASH: a chain lies outside the segments"));
        for (uint32_t entry : chain) {
            symbol++;
            if (entry & 1)
                return symbol;
        }
        vaddr += count * sizeof(uint32_t);
        left -= count;
    }
    return bad_elf("DT_GNU_HASH: a chain has no end", vaddr);
}

Result<uint32_t> ElfReader::count_symbols() {
    if (dynamic_.gnu_hash != 0)
        return count_by_gnu_hash();
    if (dynamic_.hash == 0)
        return 0;
    // DT_HASH: {nbucket, nchain}, nchain is the number of symbols.
    auto header = TRY(array_at<uint32_t>(dynamic_.hash, 2, "DT_HASH lies outside the segments' file parts"));
    return header[1];
}

Status ElfReader::read_symbols() {
    if (dynamic_.symtab == 0)
        return Success{};
    uint32_t count = TRY(count_symbols());
    image_.symbols =
        TRY(array_at<Elf64_Sym>(dynamic_.symtab, count, "DT_SYMTAB lies outside the segments' file parts"));
    for (uint64_t i = 0; i < image_.symbols.size(); i++)
        if (image_.symbols[i].st_name >= image_.strings.size())
            return bad_elf("a symbol's name lies outside the string table",
                           dynamic_.symtab + i * sizeof(Elf64_Sym));
    return Success{};
}

Status ElfReader::set_version(uint16_t index, ElfVersion version) {
    if (index >= image_.versions.size())
        image_.versions.resize(index + 1);
    image_.versions[index] = version;
    return Success{};
}

Status ElfReader::read_version_definitions() {
    uint64_t at = dynamic_.verdef;
    if (dynamic_.verdef_count > kMaxVersions)
        return bad_elf("DT_VERDEFNUM: too many versions", dynamic_offset_);
    for (uint64_t i = 0; i < dynamic_.verdef_count && at != 0; i++) {
        auto definition = TRY(array_at<Elf64_Verdef>(at, 1, "DT_VERDEF lies outside the segments"));
        auto name = TRY(array_at<Elf64_Verdaux>(at + definition[0].vd_aux, 1,
                                                "DT_VERDEF: a name lies outside the segments"));
        ElfVersion version{TRY(string_at(name[0].vda_name, at)), definition[0].vd_hash, false};
        TRY(set_version(definition[0].vd_ndx & 0x7fff, version));
        if (definition[0].vd_next == 0)
            break;
        at += definition[0].vd_next;
    }
    return Success{};
}

Status ElfReader::read_version_needs_of(uint64_t at, const Elf64_Verneed &need, uint64_t *entries_left) {
    uint64_t aux_at = at + need.vn_aux;
    for (uint64_t i = 0; i < need.vn_cnt; i++) {
        if ((*entries_left)-- == 0)
            return bad_elf("DT_VERNEED: too many versions", aux_at);
        auto aux = TRY(array_at<Elf64_Vernaux>(aux_at, 1, "DT_VERNEED: an entry lies outside the segments"));
        bool hidden = (aux[0].vna_other & 0x8000) != 0;
        ElfVersion version{TRY(string_at(aux[0].vna_name, aux_at)), aux[0].vna_hash, hidden};
        TRY(set_version(aux[0].vna_other & 0x7fff, version));
        if (aux[0].vna_next == 0)
            break;
        aux_at += aux[0].vna_next;
    }
    return Success{};
}

Status ElfReader::read_version_needs() {
    uint64_t at = dynamic_.verneed;
    uint64_t entries_left = kMaxVersions;
    if (dynamic_.verneed_count > kMaxVersions)
        return bad_elf("DT_VERNEEDNUM: too many versions", dynamic_offset_);
    for (uint64_t i = 0; i < dynamic_.verneed_count && at != 0; i++) {
        auto need = TRY(array_at<Elf64_Verneed>(at, 1, "DT_VERNEED lies outside the segments"));
        TRY(read_version_needs_of(at, need[0], &entries_left));
        if (need[0].vn_next == 0)
            break;
        at += need[0].vn_next;
    }
    return Success{};
}

Status ElfReader::read_versions() {
    if (dynamic_.versym == 0)
        return Success{};
    image_.versyms = TRY(array_at<uint16_t>(dynamic_.versym, image_.symbols.size(),
                                            "DT_VERSYM lies outside the segments' file parts"));
    TRY(read_version_definitions());
    return read_version_needs();
}

namespace {

Result<SymbolTable> read_table(const ElfFile &file, const Elf64_Shdr &symbols, const Elf64_Shdr &names) {
    if (names.sh_type != SHT_STRTAB)
        return bad_elf(".symtab has no string table", symbols.sh_offset);
    SymbolTable table;
    table.symbols = TRY(file.array<Elf64_Sym>(symbols.sh_offset, symbols.sh_size / sizeof(Elf64_Sym),
                                              ".symtab lies outside the file"));
    table.strings = TRY(file.array<char>(names.sh_offset, names.sh_size, ".strtab lies outside the file"));
    table.strings.push_back(0);
    for (uint64_t i = 0; i < table.symbols.size(); i++)
        if (table.symbols[i].st_name >= table.strings.size())
            return bad_elf("a symbol's name lies outside .strtab", symbols.sh_offset + i * sizeof(Elf64_Sym));
    return table;
}

} // namespace

Result<SymbolTable> read_symbol_table(int fd) {
    ElfFile file = TRY(ElfFile::open(fd));
    for (Elf_Scn *section = elf_nextscn(file.handle(), nullptr); section != nullptr;
         section = elf_nextscn(file.handle(), section)) {
        Elf64_Shdr header = section_header(section);
        if (header.sh_type == SHT_SYMTAB)
            return read_table(file, header, section_header(elf_getscn(file.handle(), header.sh_link)));
    }
    return SymbolTable{{}, {0}};
}

} // namespace sharedregion
