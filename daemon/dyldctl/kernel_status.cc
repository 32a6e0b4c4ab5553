// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/dyldctl/kernel_status.h"

#include "daemon/activation/kernel_region.h"
#include "daemon/dyldctl/output.h"
#include "sharedregion/printable.h"

#include <fstream>
#include <unistd.h>

namespace sharedregion {

namespace {

constexpr char kDebugFile[] = "/sys/kernel/debug/shared_region/regions";

// The base is a secret of the system: only root sees it.
Json to_json(const KernelRegionState &state) {
    Json json = {{"uuid", to_hex(state.uuid)}, {"size", state.size},      {"bytes", state.pages * kPageSize},
                 {"attached", state.attached}, {"kept", state.kept},      {"crashes", state.crashes},
                 {"tables", state.tables},     {"leaves", state.leaves},  {"nested", state.nested},
                 {"unnested", state.unnested}, {"flushes", state.flushes}};
    if (geteuid() == 0)
        json["base"] = state.base;
    return json;
}

// Lines "KEY VALUE", an empty line behind each region. Numbers become numbers.
Json read_regions() {
    std::ifstream file(kDebugFile);
    Json regions = Json::array(), region;
    for (std::string line; std::getline(file, line);) {
        size_t space = line.find(' ');
        if (line.empty()) {
            if (!region.is_null())
                regions.push_back(region);
            region = Json();
        } else {
            std::string value = space == std::string::npos ? "" : line.substr(space + 1);
            bool number = !value.empty() && value.find_first_not_of("0123456789") == std::string::npos;
            region[line.substr(0, space)] = number ? Json(strtoull(value.c_str(), nullptr, 10)) : Json(value);
        }
    }
    return regions;
}

// A value of a region; "?" where another version of the module does not tell it.
std::string text_of(const Json &entry, const char *key) {
    if (!entry.contains(key))
        return "?";
    const Json &value = entry[key];
    return value.is_string() ? printable(value.get<std::string>()) : value.dump();
}

void print_environment(const Json &entry) {
    const std::string team = text_of(entry, "team");
    printf(
        "environment root %s, %s bits, CPU level %s%s: region %s, %s, %s attached, %s attaches, %s nested, "
        "%s unnested\n",
        text_of(entry, "root").c_str(), text_of(entry, "bits").c_str(), text_of(entry, "cpu_level").c_str(),
        team.empty() ? "" : (", team " + team).c_str(), text_of(entry, "region").c_str(),
        text_of(entry, "retired") == "1" ? "retired" : text_of(entry, "state").c_str(),
        text_of(entry, "attached").c_str(), text_of(entry, "attaches").c_str(),
        text_of(entry, "nests").c_str(), text_of(entry, "unnests").c_str());
}

} // namespace

Outcome<Json> kernel_status() {
    std::optional<KernelRegionState> state = TRY(query_kernel_region());
    Json json = {{"device", state.has_value()}};
    if (!state)
        return json;
    json["region"] = state->configured ? to_json(*state) : Json(nullptr);
    if (state->reslide)
        json["reslide"] = true;
    if (access(kDebugFile, R_OK) == 0)
        json["regions"] = read_regions();
    return json;
}

void print_kernel(const Json &json) {
    if (!json["device"].get<bool>()) {
        printf("kernel      no /dev/shared_region\n");
        return;
    }
    const Json &region = json["region"];
    if (region.is_null())
        printf("kernel      no region%s\n",
               json.contains("reslide") ? ": retired after crashes; run `dyldctl region configure`" : "");
    else
        printf("kernel      region %s, %s, %s attached\n", region["uuid"].get<std::string>().c_str(),
               bytes_text(region["bytes"]).c_str(),
               counted(region["attached"], "process", "processes").c_str());
    if (!json.contains("regions"))
        return;
    for (const Json &entry : json["regions"])
        print_environment(entry);
}

} // namespace sharedregion
