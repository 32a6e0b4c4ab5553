// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/dyldctl/program_state.h"

#include <cerrno>

namespace sharedregion {

Outcome<OpenState> OpenState::open(const std::string &option) {
    StateDirectory directory = TRY(StateDirectory::open_existing(option));
    std::string name = directory.current_generation();
    if (name.empty())
        return Failure::about(directory.path(), "nothing built here yet; run `dyldctl build PROGRAM...`",
                              Failure::kNoOffset, ENOENT);
    Generation generation = TRY(Generation::open(directory.generation_path(name)));
    std::optional<ActiveRegion> region = TRY(ActiveRegion::open(directory));
    return OpenState{std::move(directory), std::move(generation), std::move(region), {}};
}

Outcome<ProgramState> OpenState::state_of(const SetProgramRecord &record) {
    const SetsView &sets = generation.sets();
    if (!SetsView::captured(record))
        return ProgramState{"rejected", Stale{sets.string(record.reason), sets.string(record.detail)}};
    SetView set = TRY(generation.set(record));
    if (std::optional<Stale> stale = files.stale(sets))
        return ProgramState{"stale", *stale};
    if (std::optional<Stale> stale = files.stale(set))
        return ProgramState{"stale", *stale};
    if (!region || !region->is_current(directory))
        return ProgramState{"inactive", Stale{"no-cache", "the current generation is not activated"}};
    if (!region->contains(set.header().key))
        return ProgramState{"inactive",
                            Stale{"no-set", "left out of the activation; run `dyldctl activate`"}};
    return ProgramState{"prebuilt", {}};
}

} // namespace sharedregion
