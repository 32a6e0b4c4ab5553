// SPDX-License-Identifier: GPL-2.0-or-later
// Making generations: the builder as a child process, verification, switch, removal of old ones.
//
// Killed at any moment, this leaves the old generation in use: a new one gets its name when it is complete,
// and the symlinks are switched by rename(2). The caller holds the state's lock.
#pragma once

#include "daemon/activation/activation.h"

#include <functional>
#include <set>

namespace sharedregion {

using OnProgress = std::function<void(uint64_t done, uint64_t total, const std::string &phase)>;

struct BuildJob {
    const StateDirectory *state;
    std::set<std::string> programs; // canonical paths
    unsigned jobs = 0;              // 0: the builder decides
    std::string shim;               // shim_path(); empty: sets without it only
    OnProgress on_progress;
    std::function<void(const std::string &)> on_message; // other lines of the builder's stderr
};

struct BuiltGeneration {
    std::string name;
    std::string report; // the builder's JSON
};

// Runs the builder into generations/.tmp-XXXX and gives the complete result its name there.
Outcome<BuiltGeneration> build_generation(const BuildJob &job);

// Removes what killed builds left.
void remove_leftovers(const StateDirectory &state);

// Removes all generations but those named.
void remove_generations(const StateDirectory &state, const std::set<std::string> &keep);

// Makes ld-dyld.so and the placeholder for the genuine ld.so where they are missing or no longer fit.
// Returns whether ld-dyld.so was made.
Outcome<bool> ensure_loader(const StateDirectory &state, const std::string &genuine_loader);

// STATE/libdyldshim.so, which programs name in LD_PRELOAD: there if builds are for the shim too, which is
// remembered that way. Empty: it is not there.
std::string shim_path(const StateDirectory &state);

// Puts the shim there, or, where it lies there already, this version of it. Returns whether anything changed.
Outcome<bool> ensure_shim(const StateDirectory &state, bool wanted);
Done remove_shim(const StateDirectory &state);

} // namespace sharedregion
