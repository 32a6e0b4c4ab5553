// SPDX-License-Identifier: GPL-2.0-or-later
// The region of /dev/shared_region: configured from a generation, retired, asked about. kmod/,
// docs/kernel-abi.md.
#pragma once

#include "daemon/activation/generation.h"
#include "daemon/activation/writable_pieces.h"

namespace sharedregion {

// The part of the region that is not in the kernel's.
OwnArea own_area(const CacheView &cache);

// Number of bases among which the kernel chooses: kmod/region.h, shreg_choose_base().
uint64_t kernel_base_count(VMSize region_size);

// Configures the region of the caller's environment, in place of the one that is there, so that it lives
// until it is retired. Returns the base that the kernel chose. The generation has been verified.
Outcome<VMAddress> configure_kernel_region(const Generation &generation, const Uuid &uuid);

// Ends it, if it has this UUID: true. False: there is none, or another one.
Outcome<bool> retire_kernel_region(const Uuid &uuid);

// The same, where nobody can do anything about an error.
void drop_kernel_region(const Uuid &uuid);

struct KernelRegionState {
    bool configured = false, kept = false, reslide = false;
    Uuid uuid = {};
    uint64_t base = 0, size = 0, pages = 0, tables = 0, leaves = 0, nested = 0, unnested = 0, flushes = 0;
    uint32_t attached = 0, crashes = 0;
};

// What the caller's environment has; nullopt: no device.
Outcome<std::optional<KernelRegionState>> query_kernel_region();

} // namespace sharedregion
