// SPDX-License-Identifier: GPL-2.0-or-later
// Where a region may lie.
#include "daemon/activation/region_area.h"

#include <gtest/gtest.h>

using namespace sharedregion;

namespace {

TEST(region_area, has_at_least_24_bits_where_the_kernel_moves_by_28) {
    EXPECT_GE(RegionArea(28).count(VMSize(1ULL << 30)), 1ULL << 24);
    EXPECT_GE(RegionArea(32).count(VMSize(1ULL << 30)), 1ULL << 22);
}

TEST(region_area, lies_between_executables_and_mmap_areas_whatever_the_kernel_moves_by) {
    for (unsigned bits = 28; bits <= 32; bits++) {
        RegionArea area(bits);
        uint64_t spread = kPageSize << bits;
        EXPECT_GT(area.ranges().front().begin, 0x555555554000 + spread) << bits;
        EXPECT_LT(area.ranges().back().end, 0x7ffffffff000 - spread) << bits;
        for (const AddressRange &range : area.ranges()) {
            EXPECT_LT(range.begin, range.end) << bits;
            EXPECT_TRUE(is_aligned(range.begin, kLargePageSize));
        }
    }
}

// They map it with MAP_FIXED, over what is there.
TEST(region_area, leaves_the_heap_of_sanitizers_out) {
    for (unsigned bits = 28; bits <= 32; bits++) {
        RegionArea area(bits);
        for (const AddressRange &range : area.ranges())
            EXPECT_TRUE(range.end <= 0x600000000000 || range.begin >= 0x640000000000) << bits;
    }
}

TEST(region_area, first_and_last_base_hold_the_whole_region) {
    RegionArea area(28);
    VMSize size(5 * kPageSize);
    EXPECT_EQ(area.base(0, size).raw(), area.ranges().front().begin);
    uint64_t last = area.base(area.count(size) - 1, size).raw();
    EXPECT_LE(last + size.raw(), area.ranges().back().end);
    EXPECT_GT(last + size.raw() + kLargePageSize, area.ranges().back().end);
    EXPECT_EQ(area.count(VMSize(1ULL << 47)), 0U);
}

} // namespace
