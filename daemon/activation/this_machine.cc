// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/activation/this_machine.h"

#include "daemon/activation/generation.h"
#include "daemon/files/other_root.h"
#include "sharedregion/machine.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>

namespace sharedregion {

namespace {

// nullopt: nothing is known without /proc; ld-dyld.so itself compares at each start.
std::optional<Environment> this_machine() {
    Environment now = {};
    UniqueFd auxv(open_of_machine("/proc/self/auxv", O_RDONLY));
    return read_machine(auxv.get(), &now) ? std::optional(now) : std::nullopt;
}

bool same_cpu(const Environment &a, const Environment &b) {
    return a.hwcap == b.hwcap && a.hwcap2 == b.hwcap2 && a.minsigstksz == b.minsigstksz && a.xcr0 == b.xcr0 &&
           a.page_size == b.page_size && a.cpu_hash == b.cpu_hash &&
           std::memcmp(a.platform, b.platform, sizeof a.platform) == 0;
}

struct Built {
    std::string name;
    Environment environment;
    int64_t time; // of the build
};

// From `sets` alone; nullopt: damaged, or of another version.
std::optional<Built> read_built(const StateDirectory &state, const std::string &name) {
    Outcome<MappedFile> file = MappedFile::open(state.generation_path(name) + "/sets");
    if (!file.ok())
        return std::nullopt;
    Result<SetsView> sets = SetsView::open(file.value().bytes());
    if (!sets.ok())
        return std::nullopt;
    return Built{name, sets.value().header().environment, file.value().identity().mtime_ns};
}

bool is_sound(const StateDirectory &state, const std::string &name) {
    Outcome<Generation> generation = Generation::open(state.generation_path(name));
    return generation.ok() && generation.value().verify().ok();
}

// The newest first.
std::vector<Built> list_built(const StateDirectory &state) {
    std::vector<Built> all;
    Outcome<UniqueFd> directory =
        open_trusted_directory(state.fd(), "generations", state.file("generations"));
    if (!directory.ok())
        return all;
    Outcome<std::vector<std::string>> names =
        list_directory(directory.value().get(), state.file("generations"));
    for (const std::string &name : names.ok() ? names.value() : std::vector<std::string>())
        if (std::optional<Built> built = name[0] == '.' ? std::nullopt : read_built(state, name))
            all.push_back(std::move(*built));
    std::sort(all.begin(), all.end(), [](const Built &a, const Built &b) { return a.time > b.time; });
    return all;
}

} // namespace

std::optional<Stale> machine_changed(const Environment &built) {
    std::optional<Environment> now = this_machine();
    if (now && !same_cpu(*now, built))
        return Stale{"cpu-changed", ""};
    if (now && now->vdso_hash != built.vdso_hash)
        return Stale{"kernel-changed", ""};
    return std::nullopt;
}

Outcome<std::string> find_generation_for_this_cpu(const StateDirectory &state) {
    const std::string current = state.current_generation();
    if (current.empty())
        return Failure::about(state.path(), "nothing built here yet; run `dyldctl build PROGRAM...`",
                              Failure::kNoOffset, ENOENT);
    const std::optional<Environment> now = this_machine();
    const std::optional<Built> built = read_built(state, current);
    // A damaged one is activation's to tell; its header may name any CPU.
    if (!now || !built || same_cpu(*now, built->environment) || !is_sound(state, current))
        return current;
    for (const Built &other : list_built(state))
        if (same_cpu(*now, other.environment))
            return other.name;
    return Failure::about(state.path(), "built for another CPU; run `dyldctl build PROGRAM...` here, too",
                          Failure::kNoOffset, ESTALE);
}

std::set<std::string> generations_of_other_cpus(const StateDirectory &state) {
    std::set<std::string> names;
    std::vector<Environment> seen;
    if (std::optional<Environment> now = this_machine())
        seen.push_back(*now);
    for (const Built &built : list_built(state)) {
        const bool is_known = std::any_of(seen.begin(), seen.end(), [&](const Environment &environment) {
            return same_cpu(environment, built.environment);
        });
        if (is_known || names.size() == kOtherCpus)
            continue;
        seen.push_back(built.environment);
        names.insert(built.name);
    }
    return names;
}

} // namespace sharedregion
