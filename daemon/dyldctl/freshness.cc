// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/dyldctl/freshness.h"

#include "daemon/activation/this_machine.h"
#include "daemon/files/in_file.h"
#include "daemon/files/package.h"

namespace sharedregion {

namespace {

bool same_programs(const SetsView &sets, const std::set<std::string> &programs) {
    if (sets.programs().size() != programs.size())
        return false;
    for (const SetProgramRecord &program : sets.programs())
        if (!programs.contains(sets.string(program.path)))
            return false;
    return true;
}

bool same_second_stage(const CacheView &cache, const std::string &path) {
    Outcome<MappedFile> file = map_helper(path);
    ByteView embedded = cache.bytes().part(cache.header().loader_entry, cache.header().loader_size);
    return file.ok() && cache.header().loader_entry != 0 && file.value().bytes().size() == embedded.size() &&
           std::memcmp(file.value().bytes().data(), embedded.data(), embedded.size()) == 0;
}

// The first file of a program that is not as it was at build time.
std::optional<Stale> stale_program(const SetsView &sets, const std::string &path, FileCheck *files) {
    for (const SetProgramRecord &program : sets.programs()) {
        if (!(files->identity(sets.string(program.path)) == program.identity))
            return Stale{"program-changed", sets.string(program.path)};
        if (!SetsView::captured(program))
            continue;
        Outcome<SetView> set = in_file(sets.set(program), path);
        if (!set.ok())
            return Stale{"format", set.error().message()};
        if (std::optional<Stale> stale = files->stale(set.value()))
            return stale;
    }
    return std::nullopt;
}

std::optional<Stale> stale_shim(const Generation &generation, const std::string &shim, FileCheck *files) {
    const SetsView *sets = generation.shim_sets();
    if ((sets != nullptr ? sets->preload() : std::string()) != shim)
        return Stale{"shim", shim.empty() ? "not wanted any more" : shim};
    return sets != nullptr ? stale_program(*sets, shim, files) : std::nullopt;
}

} // namespace

std::vector<std::string> stale_libraries(const Generation &generation, FileCheck *files) {
    std::vector<std::string> stale;
    for (const CacheImageRecord &image : generation.cache().images())
        if (std::string path = generation.cache().string(image.path);
            !(files->identity(path) == image.identity))
            stale.push_back(std::move(path));
    return stale;
}

std::optional<Stale> needs_build(const Generation &generation, const std::set<std::string> &programs,
                                 const std::string &second_stage, const std::string &shim) {
    const SetsView &sets = generation.sets();
    FileCheck files;
    if (!same_programs(sets, programs))
        return Stale{"programs", "other programs than in the current generation"};
    if (!same_second_stage(generation.cache(), second_stage))
        return Stale{"second-stage", second_stage};
    if (std::optional<Stale> stale = files.stale(sets))
        return stale;
    if (std::optional<Stale> stale = machine_changed(sets.header().environment))
        return stale;
    if (std::vector<std::string> libraries = stale_libraries(generation, &files); !libraries.empty())
        return Stale{"library-changed", libraries[0]};
    if (std::optional<Stale> stale = stale_program(sets, generation.sets_path(), &files))
        return stale;
    return stale_shim(generation, shim, &files);
}

} // namespace sharedregion
