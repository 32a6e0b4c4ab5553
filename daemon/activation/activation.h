// SPDX-License-Identifier: GPL-2.0-or-later
// Activation: a generation on disk becomes the region file that starting programs map.
//
// Verifies, chooses a random base, writes into a tmpfs, switches `active`. Until the switch, and after
// any failure, the activation that was in use stays so. Builds nothing, starts nothing.
#pragma once

#include "daemon/activation/generation.h"
#include "daemon/activation/large_pages.h"
#include "daemon/state/state.h"

#include <vector>

namespace sharedregion {

struct LeftOutSet {
    std::string program;
    Stale why;
};

struct Activation {
    std::string directory; // in the tmpfs; holds `region`
    std::string note;      // why it is not in the usual place; empty: it is
    Uuid cache_uuid;
    VMAddress base;
    double entropy_bits; // of the base
    uint64_t sets;
    uint64_t bytes;          // of the region file
    bool in_kernel;          // the region is in /dev/shared_region, too
    std::string kernel_note; // why it is not, where the device is there; empty: it is, or was not asked for
    LargeText text;          // of the cache
    std::vector<LeftOutSet> left_out;
    std::optional<Stale> environment; // ld.so or its files changed: every start will be JIT
};

// Whether the kernel gets a region as well.
enum class KernelRegion {
    IfPossible, // root, the device is there, and the activation is for all processes
    Never,
    Required, // an error where it cannot be
};

struct ActivationRequest {
    const StateDirectory *state; // the caller holds its lock
    std::string generation;      // its name
    std::string tmpfs;           // another parent directory than the usual one; empty: the usual one
    KernelRegion kernel = KernelRegion::IfPossible;
};

Outcome<Activation> activate(const ActivationRequest &request);

// The same for a generation that the caller has opened and verified.
Outcome<Activation> activate_verified(const ActivationRequest &request, const Generation &generation);

// Forgets the activation that is in use and removes it. Fine where there is none.
Done deactivate(const StateDirectory &state);

// Takes the region of the activation that is in use out of the kernel; programs then map the cache's file at
// the same base. False: the kernel has none of it.
Outcome<bool> detach_kernel_region(const StateDirectory &state);

// Bits of entropy of the base for a region of this size (docs/security.md).
double base_entropy_bits(VMSize region_size, bool in_kernel = false);

} // namespace sharedregion
