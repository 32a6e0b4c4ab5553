// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/activation/region_area.h"

#include "daemon/files/other_root.h"

#include <algorithm>
#include <cstdio>

namespace sharedregion {

namespace {

constexpr unsigned kFewestBits = 28, kMostBits = 32; // arch/x86/Kconfig: ARCH_MMAP_RND_BITS_{MIN,MAX}
constexpr uint64_t kTiB = 1ULL << 40;

// fs/binfmt_elf.c: ELF_ET_DYN_BASE, two thirds of the address space, is where executables begin.
constexpr uint64_t kLowestProgram = 0x555555554000;
constexpr uint64_t kEndOfAddresses = 0x800000000000; // 47 bits: what mmap(2) gives without a hint above

// Left below the lowest mmap area for what a process maps itself: ld.so and libraries opened later, stacks.
constexpr uint64_t kRoomForMappings = kTiB / 2;

// AddressSanitizer and LeakSanitizer map their heap at 0x600000000000 over whatever is there (4 TiB, and
// some tables behind them): compiler-rt asan_allocator.h, kAllocatorSpace.
constexpr AddressRange kSanitizerHeap = {0x600000000000, 0x640100000000};

uint64_t bases_in(const AddressRange &range, VMSize region_size) {
    uint64_t room = range.end - range.begin;
    return region_size.raw() > room ? 0 : (room - region_size.raw()) / kLargePageSize + 1;
}

} // namespace

// Executables begin up to 2^bits pages behind their lowest place, mmap areas end that much below the stack.
RegionArea::RegionArea(unsigned random_bits) {
    uint64_t spread = kPageSize << random_bits;
    AddressRange whole = {align_up(kLowestProgram + spread, kTiB),
                          kEndOfAddresses - spread - kRoomForMappings};
    if (whole.begin < kSanitizerHeap.begin)
        ranges_.push_back({whole.begin, kSanitizerHeap.begin});
    ranges_.push_back({std::max(whole.begin, kSanitizerHeap.end), whole.end});
}

RegionArea RegionArea::of_this_machine() {
    unsigned bits = kMostBits;
    if (FILE *file = fopen_of_machine("/proc/sys/vm/mmap_rnd_bits")) {
        if (fscanf(file, "%u", &bits) != 1)
            bits = kMostBits;
        fclose(file);
    }
    return RegionArea(std::clamp(bits, kFewestBits, kMostBits));
}

uint64_t RegionArea::count(VMSize region_size) const {
    uint64_t count = 0;
    for (const AddressRange &range : ranges_)
        count += bases_in(range, region_size);
    return count;
}

VMAddress RegionArea::base(uint64_t index, VMSize region_size) const {
    for (const AddressRange &range : ranges_) {
        uint64_t count = bases_in(range, region_size);
        if (index < count)
            return VMAddress(range.begin + index * kLargePageSize);
        index -= count;
    }
    return VMAddress(0); // index is not below count()
}

} // namespace sharedregion
