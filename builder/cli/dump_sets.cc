// SPDX-License-Identifier: GPL-2.0-or-later
// shared-cache dump --sets: a file `sets` as JSON values.
#include "builder/cli/dump.h"

#include "builder/cli/hex.h"
#include "builder/cli/words.h"
#include "sharedregion/set_view.h"

namespace sharedregion {

namespace {

using Json = nlohmann::ordered_json;

Json fixups_json(const SetView &set) {
    Json json = Json::array();
    for (const SetFixupList &list : set.fixups()) {
        uint64_t count = 0;
        set.for_each_word(list, [&](uint64_t) { count++; });
        json.push_back({{"space", space_word(static_cast<Space>(list.space))},
                        {"class", class_word(static_cast<FixupClass>(list.fixup_class))},
                        {"words", count}});
    }
    return json;
}

Json pages_json(const SetView &set) {
    Json json = Json::array();
    for (const SetPageOp &op : set.page_ops())
        json.push_back({{"space", space_word(static_cast<Space>(op.space))},
                        {"kind", op.kind == static_cast<uint32_t>(PageOpKind::Map) ? "map" : "copy"},
                        {"offset", hex_number(op.offset)},
                        {"pages", op.size / kPageSize}});
    return json;
}

Json set_json(const SetView &set) {
    const SetHeader &header = set.header();
    Json dependencies = Json::array(), absent = Json::array();
    for (const SetDependency &dependency : set.dependencies())
        dependencies.push_back(set.string(dependency.path));
    for (uint32_t path : set.absent())
        absent.push_back(set.string(path));
    return {
        {"key", hex_number(header.key)}, {"build_id", to_hex(header.build_id.bytes, header.build_id.size)},
        {"size", header.size},           {"metadata_size", header.metadata_size},
        {"text_size", header.text_size}, {"heap_size", header.heap_size},
        {"flags", header.flags},         {"order", header.order},
        {"libraries", dependencies},     {"absent", absent},
        {"fixups", fixups_json(set)},    {"page_operations", pages_json(set)}};
}

} // namespace

Result<Json> sets_json(ByteView file) {
    SetsView view = TRY(SetsView::open(file));
    const SetsHeader &header = view.header();
    Json json = {{"uuid", to_hex(header.file.uuid.bytes, sizeof header.file.uuid.bytes)},
                 {"cache_uuid", to_hex(header.cache_uuid.bytes, sizeof header.cache_uuid.bytes)},
                 {"file_size", header.file.file_size},
                 {"loader_path", view.loader_path()},
                 {"programs", Json::array()}};
    for (const SetProgramRecord &program : view.programs()) {
        Json entry = {{"path", view.string(program.path)}};
        if (SetsView::captured(program)) {
            SetView set = TRY(view.set(program));
            entry["set"] = set_json(set);
        } else {
            entry["reason"] = view.string(program.reason);
            entry["detail"] = view.string(program.detail);
        }
        json["programs"].push_back(std::move(entry));
    }
    return json;
}

} // namespace sharedregion
