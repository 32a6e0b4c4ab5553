// SPDX-License-Identifier: GPL-2.0-or-later
// See symbol_writer.h. (gABI, "Sections" and "Symbol Table".)
#include "builder/phases/symbol_writer.h"

#include "builder/support/file.h"
#include "builder/support/records.h"

#include <unordered_set>

namespace sharedregion {

namespace {

// Indices from 0xff00 on have other meanings (SHN_LORESERVE); tools would want SHT_SYMTAB_SHNDX.
constexpr size_t kMostSegments = 0xfe00;

class SymbolMerger {
  public:
    explicit SymbolMerger(CacheModel *model) : model_(*model) {}

    void add_image(const CacheImage &image, uint32_t first_section) {
        added_.clear();
        for (const Elf64_Sym &symbol : image.elf.symbols)
            add(image, first_section, symbol, image.elf.name(symbol));
        add_symtab(image, first_section);
    }

    // Local symbols come first (gABI); returns how many there are, with the null symbol.
    uint32_t finish() {
        std::vector<Elf64_Sym> all(1);
        all.insert(all.end(), locals_.begin(), locals_.end());
        auto first_global = static_cast<uint32_t>(all.size());
        all.insert(all.end(), globals_.begin(), globals_.end());
        model_.main->symbols.buffer = to_bytes(all);
        return first_global;
    }

  private:
    // .symtab is for people only: an image whose .symtab is damaged has just its dynamic symbols.
    void add_symtab(const CacheImage &image, uint32_t first_section) {
        Outcome<FileDescriptor> file = open_unchanged(image.path, image.identity);
        if (!file.ok())
            return;
        Result<SymbolTable> table = read_symbol_table(file.value().get());
        if (!table.ok())
            return;
        for (const Elf64_Sym &symbol : table.value().symbols)
            add(image, first_section, symbol, table.value().strings.data() + symbol.st_name);
    }

    static bool is_place(const Elf64_Sym &symbol) {
        unsigned type = ELF64_ST_TYPE(symbol.st_info);
        bool defined = symbol.st_shndx != SHN_UNDEF && symbol.st_shndx != SHN_ABS;
        return defined && (type == STT_FUNC || type == STT_OBJECT || type == STT_GNU_IFUNC);
    }

    void add(const CacheImage &image, uint32_t first_section, Elf64_Sym symbol, std::string_view name) {
        const ElfSegment *segment = image.elf.segment_at(symbol.st_value, 1);
        if (!is_place(symbol) || name.empty() || segment == nullptr)
            return;
        StringRef text = model_.strings.add(name);
        if (!added_.insert(symbol.st_value << 32 ^ text.offset).second)
            return;
        symbol.st_name = text.offset;
        symbol.st_value += image.base.raw();
        symbol.st_shndx = static_cast<uint16_t>(first_section + (segment - image.elf.segments.data()));
        symbol.st_other = STV_DEFAULT;
        (ELF64_ST_BIND(symbol.st_info) == STB_LOCAL ? locals_ : globals_).push_back(symbol);
    }

    CacheModel &model_;
    std::vector<Elf64_Sym> locals_, globals_;
    std::unordered_set<uint64_t> added_; // of the image at hand: VA (below 2 GiB) and name
};

// Collects section headers and their names.
class SectionTable {
  public:
    SectionTable() : headers_(1), names_(1, '\0') {}

    Elf64_Shdr &add(const std::string &name, uint32_t type) {
        headers_.push_back({});
        headers_.back().sh_name = static_cast<uint32_t>(names_.size());
        headers_.back().sh_type = type;
        headers_.back().sh_addralign = 8;
        names_.append(name).push_back('\0');
        return headers_.back();
    }
    Elf64_Shdr &add(const std::string &name, uint32_t type, const Chunk &chunk) {
        Elf64_Shdr &header = add(name, type);
        header.sh_offset = chunk.file_offset.raw();
        header.sh_size = chunk.buffer.size();
        return header;
    }
    std::vector<Elf64_Shdr> &headers() { return headers_; }
    std::string &names() { return names_; }

  private:
    std::vector<Elf64_Shdr> headers_;
    std::string names_;
};

void add_segment(SectionTable *table, const CacheImage &image, const SegmentChunk &chunk) {
    const char *prefix = chunk.segment_kind == SegmentKind::Text   ? ".text."
                         : chunk.segment_kind == SegmentKind::Data ? ".data."
                                                                   : ".rodata.";
    Elf64_Shdr &header = table->add(prefix + image.soname, SHT_PROGBITS);
    header.sh_flags = SHF_ALLOC | (chunk.segment_kind == SegmentKind::Text ? SHF_EXECINSTR : 0) |
                      (chunk.segment_kind == SegmentKind::Data ? SHF_WRITE : 0);
    header.sh_addr = header.sh_offset = image.base.raw() + chunk.elf.vaddr;
    header.sh_size = chunk.elf.mem_size;
    header.sh_addralign = 1;
}

SectionTable section_table(const SubCache &cache, const std::vector<CacheImage> &images) {
    SectionTable table;
    for (const CacheImage &image : images)
        for (const SegmentChunk &chunk : image.segments)
            add_segment(&table, image, chunk);
    Elf64_Shdr &loader = table.add(".text.ld-dyld", SHT_PROGBITS, cache.loader);
    loader.sh_addr = cache.loader.vm_offset.raw();
    loader.sh_flags = SHF_ALLOC | SHF_EXECINSTR;
    table.add(".shared_cache.images", SHT_PROGBITS, cache.images);
    table.add(".shared_cache.segments", SHT_PROGBITS, cache.segments);
    table.add(".shared_cache.exports", SHT_PROGBITS, cache.exports);
    table.add(".shared_cache.slide", SHT_PROGBITS, cache.slide);
    auto strings = static_cast<uint32_t>(table.headers().size());
    table.add(".strtab", SHT_STRTAB, cache.strings).sh_addralign = 1;
    Elf64_Shdr &symbols = table.add(".symtab", SHT_SYMTAB, cache.symbols);
    symbols.sh_link = strings;
    symbols.sh_info = cache.first_global_symbol;
    symbols.sh_entsize = sizeof(Elf64_Sym);
    Elf64_Shdr &names = table.add(".shstrtab", SHT_STRTAB, cache.section_names);
    names.sh_addralign = 1;
    names.sh_size = table.names().size();
    return table;
}

} // namespace

Done emit_symbols(CacheModel *model) {
    SymbolMerger merger(model);
    uint32_t section = 1;
    for (const CacheImage &image : model->images) {
        merger.add_image(image, section);
        section += static_cast<uint32_t>(image.segments.size());
    }
    if (section > kMostSegments)
        return Failure::about(model->main->name, "too many images for one cache; name fewer programs");
    model->main->first_global_symbol = merger.finish();
    emit_sections(model);
    return Success{};
}

void emit_sections(CacheModel *model) {
    SubCache &cache = *model->main;
    SectionTable table = section_table(cache, model->images);
    std::vector<char> names(table.names().begin(), table.names().end());
    cache.section_names.buffer = to_bytes(names);
    cache.sections.buffer = to_bytes(table.headers());
}

} // namespace sharedregion
