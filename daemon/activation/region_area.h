// SPDX-License-Identifier: GPL-2.0-or-later
// Where the region's base may lie. docs/security.md and docs/decisions/0010 give the reasons.
#pragma once

#include "sharedregion/failure.h"
#include "sharedregion/units.h"

#include <vector>

namespace sharedregion {

struct AddressRange {
    uint64_t begin, end;
};

// The addresses between what the kernel gives to executables and their heap, and what it gives to mmap(2),
// so that a set's address order (kOrder*) holds in all processes.
class RegionArea {
  public:
    // `random_bits`: vm.mmap_rnd_bits, the pages by which the kernel moves executables and mmap areas.
    explicit RegionArea(unsigned random_bits);
    // As /proc/sys/vm/mmap_rnd_bits says; without it, as if it were the largest.
    static RegionArea of_this_machine();

    // Bases for a region of this size: multiples of 2 MiB at which all of it lies in one range.
    uint64_t count(VMSize region_size) const;
    // Base number `index`, below count().
    VMAddress base(uint64_t index, VMSize region_size) const;
    const std::vector<AddressRange> &ranges() const { return ranges_; }

  private:
    std::vector<AddressRange> ranges_;
};

} // namespace sharedregion
