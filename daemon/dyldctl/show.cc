// SPDX-License-Identifier: GPL-2.0-or-later
// dyldctl show PROGRAM: what its set is made of.
#include "daemon/dyldctl/output.h"
#include "daemon/dyldctl/program_state.h"
#include "daemon/dyldctl/programs.h"

namespace sharedregion {

namespace {

// In the order of FixupClass.
const char *const kClassNames[] = {"region",        "program",     "loader",    "stack-pointer",
                                   "environ",       "auxv",        "random",    "platform",
                                   "execfn",        "vdso",        "canary",    "pointer-guard",
                                   "program-break", "stack-limit", "thread-id", "argument-count"};
static_assert(std::size(kClassNames) == kFixupClassCount);

std::string build_id_text(const BuildId &id) {
    std::string text;
    for (unsigned i = 0; i < id.size; i++)
        for (unsigned digit : {id.bytes[i] >> 4, id.bytes[i] & 15})
            text += "0123456789abcdef"[digit];
    return text;
}

uint64_t count_words(const SetView &set, const SetFixupList &list) {
    uint64_t count = 0;
    set.for_each_word(list, [&](uint64_t) { count++; });
    return count;
}

// Words per class that a start computes, and those that activation slides.
Json word_counts(const SetView &set) {
    uint64_t counts[kFixupClassCount] = {};
    relr_for_each(set.slide(), [&](uint64_t) { counts[uint32_t(FixupClass::Region)]++; });
    for (const SetFixupList &list : set.fixups())
        counts[list.fixup_class] += count_words(set, list);
    Json json = Json::object();
    for (uint32_t i = 0; i < kFixupClassCount; i++)
        if (counts[i] != 0)
            json[kClassNames[i]] = counts[i];
    return json;
}

// Pages of the set by where they go and how.
Json page_counts(const SetView &set) {
    const char *const spaces[] = {"region", "program"};
    Json json = {{"copied", 0}, {"mapped", 0}};
    for (const SetPageOp &op : set.page_ops()) {
        uint64_t pages = op.size / kPageSize;
        const char *kind = op.kind == uint32_t(PageOpKind::Map) ? "mapped" : "copied";
        json[kind] = json[kind].get<uint64_t>() + pages;
        json[spaces[op.space]] = json.value(spaces[op.space], uint64_t(0)) + pages;
    }
    return json;
}

Json image_list(const Generation &generation, const SetView &set) {
    Json images = Json::array();
    for (const SetDependency &dependency : set.dependencies()) {
        Json image = {{"path", set.string(dependency.path)}};
        if (dependency.image < generation.cache().images().size()) {
            const CacheImageRecord &record = generation.cache().images()[dependency.image];
            image["offset"] = record.base;
            image["size"] = record.size;
            image["build_id"] = build_id_text(record.build_id);
        }
        images.push_back(std::move(image));
    }
    return images;
}

Json describe(const Generation &generation, const SetView &set) {
    const SetHeader &header = set.header();
    uint64_t data = 0, anonymous = 0, calls = set.protects().size();
    for (const SetDataMap &map : set.data_maps()) {
        data += map.size;
        anonymous += map.anon_size;
    }
    return Json{{"build_id", build_id_text(header.build_id)},
                {"path_dependent", (header.flags & kSetPathDependent) != 0},
                {"images", image_list(generation, set)},
                {"words", word_counts(set)},
                {"pages", page_counts(set)},
                {"fixup_lists", set.fixups().size()},
                {"data_maps", set.data_maps().size()},
                {"data_bytes", data},
                {"anonymous_bytes", anonymous},
                {"protects", calls},
                {"absent_paths", set.absent().size()},
                {"heap_bytes", header.heap_size},
                {"text_bytes", header.text_size},
                {"set_bytes", header.size},
                {"metadata_bytes", header.metadata_size}};
}

Outcome<Json> show(const Context &context, const std::string &program) {
    std::string path = TRY(find_in_path(program));
    path = TRY(canonical_path(path));
    OpenState open = TRY(OpenState::open(context.state_option));
    const SetProgramRecord *record = open.generation.sets().find(path.c_str());
    if (record == nullptr)
        return Failure::about(path, "not in the current generation; run `dyldctl build " + path + "`",
                              Failure::kNoOffset, ENOENT);
    ProgramState state = TRY(open.state_of(*record));
    Json json = {{"path", path}, {"state", state.word}};
    if (!state.why.reason.empty()) {
        json["reason"] = state.why.reason;
        json["detail"] = state.why.detail;
    }
    if (SetsView::captured(*record)) {
        SetView set = TRY(open.generation.set(*record));
        json["set"] = describe(open.generation, set);
    }
    return json;
}

void print_counts(const char *title, const Json &counts) {
    printf("%-10s", title);
    const char *separator = "";
    for (const auto &[name, count] : counts.items()) {
        printf("%s%s %s", separator, count.dump().c_str(), name.c_str());
        separator = ", ";
    }
    printf("\n");
}

void print_set(const Json &set) {
    if (!set["build_id"].get<std::string>().empty())
        printf("build-id  %s\n", set["build_id"].get<std::string>().c_str());
    printf("images    %zu\n", set["images"].size());
    for (const Json &image : set["images"])
        printf("  %9s  +0x%-9llx %s\n", bytes_text(image.value("size", uint64_t(0))).c_str(),
               image.value("offset", 0ULL), image["path"].get<std::string>().c_str());
    print_counts("words", set["words"]);
    print_counts("pages", set["pages"]);
    printf("data      %s in %s, %s anonymous, %s\n", bytes_text(set["data_bytes"]).c_str(),
           counted(set["data_maps"], "map").c_str(), bytes_text(set["anonymous_bytes"]).c_str(),
           counted(set["protects"], "mprotect").c_str());
    printf("heap      %s\n", bytes_text(set["heap_bytes"]).c_str());
    printf("set       %s, %s of them tables\n", bytes_text(set["set_bytes"]).c_str(),
           bytes_text(set["metadata_bytes"]).c_str());
}

void print(const Json &json) {
    printf("program   %s\n", json["path"].get<std::string>().c_str());
    bool good = json["state"] == "prebuilt";
    printf("state     %s\n",
           coloured(good ? Colour::Good : Colour::Bad, json["state"].get<std::string>()).c_str());
    if (json.contains("reason"))
        printf("reason    %s %s\n", json["reason"].get<std::string>().c_str(),
               json["detail"].get<std::string>().c_str());
    if (json.contains("set"))
        print_set(json["set"]);
}

} // namespace

void add_show(CLI::App &app, Context &context) {
    auto program = std::make_shared<std::string>();
    CLI::App *command = app.add_subcommand("show", "what the set of a program is made of");
    command->add_option("PROGRAM", *program)->required();
    command->callback([program, &context] {
        Outcome<Json> json = show(context, *program);
        if (!json.ok())
            return fail(context, json.error());
        if (context.json)
            print_json(json.value());
        else
            print(json.value());
    });
}

} // namespace sharedregion
