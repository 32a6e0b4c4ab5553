// SPDX-License-Identifier: GPL-2.0-or-later
// shared-cache dump --cache: a `shared_cache` as JSON values.
#include "builder/cli/dump.h"

#include "builder/cli/hex.h"
#include "sharedregion/cache_view.h"

namespace sharedregion {

namespace {

using Json = nlohmann::ordered_json;

const char *kind_word(uint32_t kind) {
    switch (static_cast<SegmentKind>(kind)) {
    case SegmentKind::Text:
        return "text";
    case SegmentKind::ReadOnly:
        return "read-only";
    case SegmentKind::Data:
        return "data";
    }
    return "?";
}

Json segment_json(const CacheSegmentRecord &segment) {
    Json json = {{"kind", kind_word(segment.kind)},
                 {"offset", hex_number(segment.offset)},
                 {"file_size", segment.file_size},
                 {"mem_size", segment.mem_size}};
    if (segment.kind == static_cast<uint32_t>(SegmentKind::Data)) {
        json["data_begin"] = hex_number(segment.data_begin);
        json["data_span"] = segment.data_span;
        json["anon_span"] = segment.anon_span;
        json["relro_size"] = segment.relro_size;
        json["data_offset"] = hex_number(segment.data_offset);
    }
    return json;
}

Json image_json(const CacheView &view, const CacheImageRecord &image) {
    Json json = {{"path", view.string(image.path)},
                 {"soname", view.string(image.soname)},
                 {"build_id", to_hex(image.build_id.bytes, image.build_id.size)},
                 {"base", hex_number(image.base)},
                 {"size", image.size},
                 {"segments", Json::array()}};
    for (const CacheSegmentRecord &segment : view.segments(image))
        json["segments"].push_back(segment_json(segment));
    return json;
}

Json export_json(const CacheView &view, const CacheExportRecord &symbol) {
    return {{"name", view.string(symbol.name)},
            {"version", view.string(symbol.version)},
            {"default", symbol.hidden_version == 0},
            {"image", symbol.image},
            {"value", hex_number(symbol.value)},
            {"size", symbol.size},
            {"type", symbol.type},
            {"bind", symbol.bind}};
}

} // namespace

Result<Json> cache_json(ByteView file, bool with_exports) {
    CacheView view = TRY(CacheView::open(file));
    TRY(view.check_slide());
    TRY(view.check_exports());
    const CacheHeader &header = view.header();
    uint64_t slides = 0;
    relr_for_each(view.slide(), [&](uint64_t) { slides++; });
    Json json = {{"uuid", to_hex(header.file.uuid.bytes, sizeof header.file.uuid.bytes)},
                 {"version", header.file.version},
                 {"file_size", header.file.file_size},
                 {"mapped_size", header.mapped_size},
                 {"heap_offset", hex_number(header.heap_offset)},
                 {"heap_size", header.heap_size},
                 {"region_size", header.region_size},
                 {"loader_entry", hex_number(header.loader_entry)},
                 {"loader_size", header.loader_size},
                 {"data_size", header.data_size},
                 {"exports", header.exports.size},
                 {"slide_words", slides},
                 {"slide_bytes", header.slide.size * sizeof(uint64_t)},
                 {"images", Json::array()}};
    for (const CacheImageRecord &image : view.images())
        json["images"].push_back(image_json(view, image));
    if (with_exports) {
        json["export_index"] = Json::array();
        for (const CacheExportRecord &symbol : view.exports())
            json["export_index"].push_back(export_json(view, symbol));
    }
    return json;
}

} // namespace sharedregion
