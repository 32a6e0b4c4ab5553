// SPDX-License-Identifier: GPL-2.0-or-later
// dyldctl status: what is built and what is in use.
#include "daemon/activation/activation.h"
#include "daemon/activation/state_region.h"
#include "daemon/activation/this_machine.h"
#include "daemon/dyldctl/enable.h"
#include "daemon/dyldctl/freshness.h"
#include "daemon/dyldctl/kernel_status.h"
#include "daemon/dyldctl/output.h"
#include "daemon/dyldctl/report.h"
#include "daemon/state/active_region.h"

namespace sharedregion {

namespace {

Json generation_status(const StateDirectory &state, const std::string &name, const Generation &generation) {
    const CacheHeader &cache = generation.cache().header();
    uint64_t captured = 0;
    for (const SetProgramRecord &program : generation.sets().programs())
        captured += SetsView::captured(program);
    FileCheck files;
    Json json = {{"name", name},
                 {"uuid", to_hex(cache.file.uuid)},
                 {"directory", state.generation_path(name)},
                 {"programs", generation.sets().programs().size()},
                 {"captured", captured},
                 {"images", generation.cache().images().size()},
                 {"cache_bytes", generation.cache().bytes().size()},
                 {"sets_bytes", generation.sets().bytes().size()},
                 {"stale_libraries", stale_libraries(generation, &files)}};
    std::optional<Stale> environment = files.stale(generation.sets());
    if (!environment)
        environment = machine_changed(generation.sets().header().environment);
    if (environment)
        json["environment"] = to_json(*environment);
    return json;
}

// Empty: it was not lost.
const char *loss_word(RegionLoss loss) {
    switch (loss) {
    case RegionLoss::None:
        return "";
    case RegionLoss::Gone:
        return "the kernel's region is gone";
    case RegionLoss::Unfinished:
        return "the kernel's region is that of an activation that was killed; run `dyldctl build` or "
               "`activate`";
    case RegionLoss::Replaced:
        return "the kernel's region is another activation's";
    case RegionLoss::NoDevice:
        return "no /dev/shared_region any more";
    }
    return "";
}

// The base is a secret of the system: only root sees it.
Json activation_status(const StateDirectory &state, const ActiveRegion &region) {
    const RegionHeader &header = region.header();
    const bool for_kernel = (header.flags & kRegionInKernel) != 0;
    const RegionLoss loss = kernel_region_loss(state);
    Json json = {{"file", region.path()},
                 {"sets", region.set_count()},
                 {"bytes", region.bytes()},
                 {"memory", region.memory()},
                 {"entropy_bits", base_entropy_bits(VMSize(header.region_size), for_kernel)},
                 {"current", region.is_current(state)},
                 {"in_kernel", for_kernel && loss == RegionLoss::None},
                 {"lost_region", loss_word(loss)},
                 {"uuid", to_hex(header.uuid)}};
    if (geteuid() == 0)
        json["base"] = header.base;
    return json;
}

Outcome<Json> collect(const Context &context) {
    StateDirectory state = TRY(StateDirectory::open_existing(context.state_option));
    Json json = {{"state", state.path()},
                 {"generation", nullptr},
                 {"activation", nullptr},
                 {"enabled", enabled_status()}};
    std::string name = state.current_generation();
    if (!name.empty()) {
        Generation generation = TRY(Generation::open(state.generation_path(name)));
        json["generation"] = generation_status(state, name, generation);
    }
    std::optional<ActiveRegion> region = TRY(ActiveRegion::open(state));
    if (region)
        json["activation"] = activation_status(state, *region);
    if (region && region->is_current(state))
        json["activation"]["text"] =
            to_json(count_large_text(TRY(Generation::open(state.generation_path(name)))));
    // The kernel's part must not hide the rest.
    Outcome<Json> kernel = kernel_status();
    json["kernel"] =
        kernel.ok() ? kernel.value() : Json{{"device", true}, {"error", kernel.error().message()}};
    return json;
}

void print_generation(const Json &json) {
    printf("generation  %s\n", json["name"].get<std::string>().c_str());
    printf("programs    %s, %s captured\n", json["programs"].dump().c_str(), json["captured"].dump().c_str());
    printf("libraries   %s\n", json["images"].dump().c_str());
    printf("on disk     %s cache, %s sets\n", bytes_text(json["cache_bytes"]).c_str(),
           bytes_text(json["sets_bytes"]).c_str());
    if (json.contains("environment"))
        printf("outdated    %s\n",
               coloured(Colour::Bad, json["environment"]["reason"].get<std::string>() + " " +
                                         json["environment"]["detail"].get<std::string>())
                   .c_str());
    for (const Json &path : json["stale_libraries"])
        printf("changed     %s\n", coloured(Colour::Bad, path.get<std::string>()).c_str());
}

void print_activation(const Json &json) {
    printf("in use      %s, %s in memory%s\n", counted(json["sets"], "set").c_str(),
           bytes_text(json["memory"]).c_str(),
           json["current"].get<bool>() ? "" : " (of an older generation)");
    if (json.contains("text"))
        printf("text        %s of %s mapped by large pages\n", bytes_text(json["text"]["large"]).c_str(),
               bytes_text(json["text"]["bytes"]).c_str());
    printf("region      %s\n", json["file"].get<std::string>().c_str());
    const std::string lost = json["lost_region"];
    printf("backend     %s\n", lost.empty() ? (json["in_kernel"].get<bool>() ? "kernel" : "file")
                                            : coloured(Colour::Bad, "file: " + lost).c_str());
    printf("base        %.1f random bits", json["entropy_bits"].get<double>());
    if (json.contains("base"))
        printf(", 0x%llx", json["base"].get<unsigned long long>());
    printf("\n");
}

void print_enabled(const Json &json) {
    const Json &substitution = json["substitution"];
    if (json["system"].get<bool>() || !substitution.is_null())
        printf("enabled     all programs%s: %s\n", json["system"].get<bool>() ? ", also after a boot" : "",
               substitution.is_null() ? coloured(Colour::Bad, "not in force").c_str()
               : substitution["in_force"].get<bool>()
                   ? (counted(substitution["substituted"], "program") + " started so").c_str()
                   : coloured(Colour::Bad, "out of force, a file has changed: run `dyldctl build`").c_str());
    for (const Json &unit : json["units"])
        printf("enabled     %s\n", unit.get<std::string>().c_str());
}

void print(const Json &json) {
    printf("state       %s\n", json["state"].get<std::string>().c_str());
    if (json["generation"].is_null())
        printf("generation  none: run `dyldctl build PROGRAM...`\n");
    else
        print_generation(json["generation"]);
    if (json["activation"].is_null())
        printf("in use      nothing: run `dyldctl activate`\n");
    else
        print_activation(json["activation"]);
    if (json["kernel"].contains("error"))
        printf("kernel      %s\n", json["kernel"]["error"].get<std::string>().c_str());
    else if (json["kernel"]["device"].get<bool>())
        print_kernel(json["kernel"]);
    print_enabled(json["enabled"]);
}

} // namespace

void add_status(CLI::App &app, Context &context) {
    app.add_subcommand("status", "what is built and what is in use")->callback([&context] {
        Outcome<Json> status = collect(context);
        if (!status.ok())
            return fail(context, status.error());
        if (context.json)
            print_json(status.value());
        else
            print(status.value());
    });
}

} // namespace sharedregion
