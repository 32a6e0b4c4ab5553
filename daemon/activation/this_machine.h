// SPDX-License-Identifier: GPL-2.0-or-later
// CPU and kernel of this machine, and the generations that were built for them.
//
// A state directory may be started by several machines in turn (a disk that moves, an image for virtual
// machines of several kinds), so it keeps one generation of each CPU: that of this one is found again.
#pragma once

#include "daemon/activation/generation.h"
#include "daemon/state/state.h"

#include <set>

namespace sharedregion {

// Against those of the build: "cpu-changed", "kernel-changed".
std::optional<Stale> machine_changed(const Environment &built);

// The name of the generation to be used here: `current`, if it was built for this CPU, else the newest one
// that was. Fails where generations are for other CPUs only, or where nothing was built.
Outcome<std::string> find_generation_for_this_cpu(const StateDirectory &state);

// The newest generation of each other CPU. Of the last kOtherCpus only: one may have changed for good
// (microcode).
inline constexpr size_t kOtherCpus = 3;
std::set<std::string> generations_of_other_cpus(const StateDirectory &state);

} // namespace sharedregion
