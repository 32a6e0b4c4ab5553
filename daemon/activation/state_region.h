// SPDX-License-Identifier: GPL-2.0-or-later
// Which region of the kernel is whose: an environment (root directory, team, ...) has one region, but may
// have several state directories with an activation each.
#pragma once

#include "daemon/activation/kernel_region.h"
#include "daemon/activation/place.h"
#include "daemon/state/state.h"

#include <optional>

namespace sharedregion {

// The region that an activation was written for; the kernel may have another one by now, or none.
struct KernelRegionName {
    Uuid uuid;
    std::string team; // that configured it; empty: nobody's
};

// Of the activation that is in use; nullopt: it was written for none.
std::optional<KernelRegionName> kernel_region_of(const StateDirectory &state);

// Writes the caller's team into a new activation's directory.
Done record_team(int directory, const std::string &path);

// Ends the region, as a member of its team. False: it is not there any more, which only a member is told.
Outcome<bool> retire(const KernelRegionName &region);

// The same, where nobody can do anything about an error.
void drop(const KernelRegionName &region);

// Starts of the activation that is in use do not ask the kernel any more, and nobody misses the region.
Done forget_kernel_region(const StateDirectory &state);

// Whose the region is that the kernel has for the caller's environment now.
struct RegionOwner {
    enum class Kind {
        Nobody,  // there is none
        Own,     // this state's: of its activation, or of one that was killed half-way
        Another, // of another state's activation
        Unknown, // of an activation in no usual place: its state is gone, or it was made with --tmpfs
    } kind;
    std::string state; // path
    std::string uuid;
};
RegionOwner owner_of_kernel_region(const StateDirectory &state, const ActivationPlace &place);

// Whether the activation that is in use was written for a region that the kernel has no more.
enum class RegionLoss {
    None,       // it has it; or it was written for none; or only a member of another team could tell
    Gone,       // it has none at all: the module was loaded again, or who replaced it is gone
    Unfinished, // it has that of an activation of this state that was killed before it came into use
    Replaced,   // it has another state's
    NoDevice,   // the module is not there
};
RegionLoss kernel_region_loss(const StateDirectory &state);

} // namespace sharedregion
