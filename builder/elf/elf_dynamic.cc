// SPDX-License-Identifier: GPL-2.0-or-later
// The dynamic section (gABI, "Dynamic Section"): values, names, relocation tables.
#include "builder/elf/elf_reader.h"

#include "sharedregion/units.h"

#include <cstddef>

namespace sharedregion {

namespace {

struct DynamicField {
    int64_t tag;
    uint64_t DynamicValues::*field;
};

constexpr DynamicField kFields[] = {
    {DT_STRTAB, &DynamicValues::strtab},     {DT_STRSZ, &DynamicValues::strsz},
    {DT_SYMTAB, &DynamicValues::symtab},     {DT_HASH, &DynamicValues::hash},
    {DT_GNU_HASH, &DynamicValues::gnu_hash}, {DT_VERSYM, &DynamicValues::versym},
    {DT_VERDEF, &DynamicValues::verdef},     {DT_VERDEFNUM, &DynamicValues::verdef_count},
    {DT_VERNEED, &DynamicValues::verneed},   {DT_VERNEEDNUM, &DynamicValues::verneed_count},
    {DT_RELA, &DynamicValues::rela},         {DT_RELASZ, &DynamicValues::rela_size},
    {DT_JMPREL, &DynamicValues::jmprel},     {DT_PLTRELSZ, &DynamicValues::jmprel_size},
    {DT_RELR, &DynamicValues::relr},         {DT_RELRSZ, &DynamicValues::relr_size},
};

struct InitializerField {
    int64_t tag;
    uint64_t ElfInitializers::*field;
};

constexpr InitializerField kInitializers[] = {
    {DT_INIT, &ElfInitializers::init},
    {DT_FINI, &ElfInitializers::fini},
    {DT_INIT_ARRAY, &ElfInitializers::init_array},
    {DT_INIT_ARRAYSZ, &ElfInitializers::init_array_size},
    {DT_FINI_ARRAY, &ElfInitializers::fini_array},
    {DT_FINI_ARRAYSZ, &ElfInitializers::fini_array_size},
};

// Tags with one permitted value on x86-64.
struct DynamicConstant {
    int64_t tag;
    uint64_t value;
    const char *what;
};

constexpr DynamicConstant kConstants[] = {
    {DT_SYMENT, sizeof(Elf64_Sym), "DT_SYMENT: unknown symbol size"},
    {DT_RELAENT, sizeof(Elf64_Rela), "DT_RELAENT: unknown relocation size"},
    {DT_RELRENT, sizeof(Elf64_Relr), "DT_RELRENT: unknown entry size"},
    {DT_PLTREL, DT_RELA, "DT_PLTREL: x86-64 uses RELA only"},
    {DT_RELSZ, 0, "DT_RELSZ: x86-64 uses RELA only"},
};

} // namespace

Status ElfReader::take_dynamic_entry(const Elf64_Dyn &entry, uint64_t where) {
    uint64_t value = entry.d_un.d_val;
    for (const DynamicField &known : kFields)
        if (entry.d_tag == known.tag)
            dynamic_.*known.field = value;
    for (const InitializerField &known : kInitializers)
        if (entry.d_tag == known.tag)
            image_.initializers.*known.field = value;
    for (const DynamicConstant &known : kConstants)
        if (entry.d_tag == known.tag && value != known.value)
            return bad_elf(known.what, where);
    switch (entry.d_tag) {
    case DT_NEEDED:
        dynamic_.needed.push_back(value);
        break;
    case DT_SONAME:
        dynamic_.soname = value;
        dynamic_.has_soname = true;
        break;
    case DT_FLAGS:
        image_.flags |= value;
        break;
    case DT_FLAGS_1:
        image_.flags_1 |= value;
        break;
    case DT_SYMBOLIC:
        image_.flags |= DF_SYMBOLIC;
        break;
    case DT_BIND_NOW:
        image_.flags |= DF_BIND_NOW;
        break;
    case DT_TEXTREL:
        image_.flags |= DF_TEXTREL;
        break;
    }
    return Success{};
}

Status ElfReader::read_dynamic() {
    const Elf64_Phdr *dynamic = nullptr;
    for (const Elf64_Phdr &phdr : file_.phdrs())
        if (phdr.p_type == PT_DYNAMIC)
            dynamic = &phdr;
    if (dynamic == nullptr)
        return bad_elf("no dynamic section: not a dynamic object", file_.header().e_phoff);
    // ld.so finds it by address; where the segments disagree with p_offset, trust the address too.
    dynamic_offset_ = TRY(file_offset(dynamic->p_vaddr, dynamic->p_filesz,
                                      "dynamic section lies outside the segments' file parts"));
    auto entries = TRY(file_.array<Elf64_Dyn>(dynamic_offset_, dynamic->p_filesz / sizeof(Elf64_Dyn),
                                              "dynamic section lies outside the file"));
    for (uint64_t i = 0; i < entries.size() && entries[i].d_tag != DT_NULL; i++)
        TRY(take_dynamic_entry(entries[i], dynamic_offset_ + i * sizeof(Elf64_Dyn)));
    return Success{};
}

Result<std::string_view> ElfReader::string_at(uint64_t offset, uint64_t where) const {
    if (offset >= image_.strings.size())
        return bad_elf("a name lies outside the string table", where);
    return std::string_view(image_.strings.data() + offset);
}

Status ElfReader::read_names() {
    image_.strings = TRY(
        array_at<char>(dynamic_.strtab, dynamic_.strsz, "DT_STRTAB lies outside the segments' file parts"));
    if (image_.strings.empty() || image_.strings.back() != 0)
        image_.strings.push_back(0); // as a stop; ld.so would read on, into what follows in memory
    for (uint64_t needed : dynamic_.needed)
        image_.needed.push_back(TRY(string_at(needed, dynamic_offset_)));
    if (dynamic_.has_soname)
        image_.soname = TRY(string_at(dynamic_.soname, dynamic_offset_));
    return Success{};
}

Status ElfReader::check_symbol_indices(const std::vector<Elf64_Rela> &relocations, uint64_t vaddr) const {
    for (uint64_t i = 0; i < relocations.size(); i++)
        if (ELF64_R_SYM(relocations[i].r_info) >= image_.symbols.size() &&
            ELF64_R_SYM(relocations[i].r_info) != 0)
            return bad_elf("relocation names a symbol that does not exist",
                           vaddr + i * sizeof(Elf64_Rela) + offsetof(Elf64_Rela, r_info));
    return Success{};
}

Status ElfReader::read_relocations() {
    // DT_RELA may include DT_JMPREL at its end (glibc's _ELF_DYNAMIC_DO_RELOC takes it off, too).
    uint64_t rela_end = dynamic_.rela + dynamic_.rela_size;
    if (dynamic_.jmprel_size != 0 && rela_end == dynamic_.jmprel + dynamic_.jmprel_size &&
        dynamic_.jmprel_size <= dynamic_.rela_size)
        dynamic_.rela_size -= dynamic_.jmprel_size;
    image_.relocations = TRY(array_at<Elf64_Rela>(dynamic_.rela, dynamic_.rela_size / sizeof(Elf64_Rela),
                                                  "DT_RELA lies outside the segments' file parts"));
    image_.plt_relocations =
        TRY(array_at<Elf64_Rela>(dynamic_.jmprel, dynamic_.jmprel_size / sizeof(Elf64_Rela),
                                 "DT_JMPREL lies outside the segments' file parts"));
    image_.relr = TRY(array_at<uint64_t>(dynamic_.relr, dynamic_.relr_size / sizeof(uint64_t),
                                         "DT_RELR lies outside the segments' file parts"));
    TRY(check_symbol_indices(image_.relocations, dynamic_.rela));
    return check_symbol_indices(image_.plt_relocations, dynamic_.jmprel);
}

} // namespace sharedregion
