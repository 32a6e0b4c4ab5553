// SPDX-License-Identifier: GPL-2.0-or-later
// Phase 4: image and segment tables, export index (contract: phases.h).
#include "builder/phases/phases.h"

#include "builder/support/records.h"

#include <algorithm>
#include <tuple>

namespace sharedregion {

namespace {

CacheSegmentRecord segment_record(const SegmentChunk &chunk, const CacheImage &image) {
    CacheSegmentRecord record = {};
    record.offset = image.base.raw() + chunk.elf.vaddr;
    record.file_size = chunk.elf.file_size;
    record.mem_size = chunk.elf.mem_size;
    record.kind = static_cast<uint32_t>(chunk.segment_kind);
    record.flags = chunk.elf.flags & (PF_R | PF_W | PF_X);
    if (chunk.segment_kind == SegmentKind::Data) {
        record.data_begin = chunk.data.begin().raw();
        record.data_span = chunk.data.size();
        record.anon_span = chunk.anonymous.raw();
        record.relro_size = chunk.relro.raw();
        record.data_offset = chunk.data_offset;
    }
    return record;
}

void emit_images(CacheModel *model) {
    SubCache &cache = *model->main;
    uint32_t segments = 0;
    for (const CacheImage &image : model->images) {
        CacheImageRecord record = {};
        record.path = model->strings.add(image.path);
        record.soname = model->strings.add(image.soname);
        record.identity = image.identity;
        record.build_id = image.elf.build_id;
        record.base = image.base.raw();
        record.size = image.size.raw();
        record.first_segment = segments;
        record.segment_count = static_cast<uint32_t>(image.segments.size());
        segments += record.segment_count;
        append_record(&cache.images.buffer, record);
        for (const SegmentChunk &chunk : image.segments)
            append_record(&cache.segments.buffer, segment_record(chunk, image));
    }
}

// The function of DT_GNU_HASH (System V gABI supplement; Bernstein's hash with multiplier 33).
uint32_t gnu_hash(std::string_view name) {
    uint32_t hash = 5381;
    for (char c : name)
        hash = hash * 33 + static_cast<unsigned char>(c);
    return hash;
}

CacheExportRecord export_record(StringTable *strings, const CacheImage &image, uint32_t index, uint32_t s) {
    const Elf64_Sym &symbol = image.elf.symbols[s];
    const ElfVersion *version = image.elf.version(s);
    unsigned type = ELF64_ST_TYPE(symbol.st_info);
    bool relative = type != STT_TLS && symbol.st_shndx != SHN_ABS;
    CacheExportRecord record = {};
    record.gnu_hash = gnu_hash(image.elf.name(symbol));
    record.image = index;
    record.name = strings->add(image.elf.name(symbol));
    record.version = strings->add(version != nullptr ? version->name : std::string_view());
    record.value = symbol.st_value + (relative ? image.base.raw() : 0);
    record.size = symbol.st_size;
    record.type = static_cast<uint8_t>(type);
    record.bind = static_cast<uint8_t>(ELF64_ST_BIND(symbol.st_info));
    record.visibility = static_cast<uint8_t>(ELF64_ST_VISIBILITY(symbol.st_other));
    record.hidden_version = !image.elf.versyms.empty() && (image.elf.versyms[s] & 0x8000) != 0;
    return record;
}

void emit_exports(CacheModel *model) {
    std::vector<CacheExportRecord> records;
    for (uint32_t i = 0; i < model->images.size(); i++)
        for (uint32_t s = 0; s < model->images[i].elf.symbols.size(); s++)
            if (is_exported(model->images[i].elf, s))
                records.push_back(export_record(&model->strings, model->images[i], i, s));
    // Equal names have equal references, since the string table holds each text once: but the order
    // must be that of the names themselves.
    const char *strings = model->strings.text().data();
    auto key = [&](const CacheExportRecord &record) {
        return std::make_tuple(
            record.gnu_hash, std::string_view(strings + record.name.offset, record.name.size), record.image);
    };
    std::stable_sort(records.begin(), records.end(),
                     [&](const auto &left, const auto &right) { return key(left) < key(right); });
    model->main->exports.buffer = to_bytes(records);
}

} // namespace

void emit_early_chunks(CacheModel *model) {
    emit_images(model);
    emit_exports(model);
}

} // namespace sharedregion
