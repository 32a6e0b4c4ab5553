// SPDX-License-Identifier: GPL-2.0-or-later
// What differs from run to run of one program: the value of each class, and what bounds don't-care words.
#pragma once

#include "builder/capture/steer.h"

#include <array>

namespace sharedregion {

struct RunValues {
    std::array<uint64_t, kFixupClassCount> value = {}; // by FixupClass

    // Bytes behind the class's address that pointers may go to.
    uint64_t region_size = 0;
    uint64_t argument_bytes = 0; // argc, argv and its NULL
    uint64_t environ_bytes = 0;  // envp and its NULL
    uint64_t auxv_bytes = 0;
    AddressRange program, vdso;
    AddressRange loader; // where the kernel put ld.so; then where it was moved to

    // For don't-care words (dont_care.h).
    AddressRange files;       // ld.so.cache and ld.so.preload while they were mapped
    AddressRange cycles;      // the tracer's rdtsc before the first instruction and at the stop point
    uint32_t cpuid_1_ebx = 0; // of the CPU that the run was pinned to

    uint64_t of(FixupClass fixup_class) const { return value[static_cast<unsigned>(fixup_class)]; }
    uint64_t &of(FixupClass fixup_class) { return value[static_cast<unsigned>(fixup_class)]; }
    uint64_t of(Space space) const {
        switch (space) {
        case Space::Region:
            return of(FixupClass::Region);
        case Space::Program:
            return of(FixupClass::Program);
        }
        return 0;
    }
};

} // namespace sharedregion
