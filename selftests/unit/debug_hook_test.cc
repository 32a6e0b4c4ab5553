// SPDX-License-Identifier: GPL-2.0-or-later
// Where the debug hook fits, and the jump that it is.
#include "builder/capture/debug_hook.h"

#include "sharedregion/units.h"

#include <cstring>
#include <gtest/gtest.h>

using namespace sharedregion;

namespace {

constexpr uint64_t kFunction = 0x2060, kData = 0x31900;

class HookPlace : public testing::Test {
  protected:
    alignas(8) std::byte page_[kPageSize] = {};
    DebugHook find(const std::vector<unsigned char> &code, uint64_t data = kData) const {
        return find_debug_hook(kFunction, ByteView(code.data(), code.size()), data,
                               ByteView(page_, sizeof page_));
    }
};

TEST_F(HookPlace, is_an_empty_function_with_filling) {
    // Debian 12's glibc 2.36, and the same with CET.
    EXPECT_TRUE(find({0xc3, 0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0}));
    EXPECT_TRUE(find({0xf3, 0x0f, 0x1e, 0xfa, 0xc3, 0x66, 0x0f, 0x1f, 0x44, 0, 0}));
    EXPECT_TRUE(find({0xc3, 0x90, 0x90, 0x90, 0x90, 0x90}));
    EXPECT_EQ(find({0xc3, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc}).slot, kData - 8);
}

TEST_F(HookPlace, is_missing_where_code_follows) {
    EXPECT_FALSE(find({0xc3, 0x55, 0x48, 0x89, 0xe5, 0x90}));                   // the next function
    EXPECT_FALSE(find({0xc3, 0x90, 0x90, 0x90}));                               // the end of the text
    EXPECT_FALSE(find({0x31, 0xc0, 0xc3, 0x90, 0x90, 0x90, 0x90}));             // it does something
    EXPECT_FALSE(find({0xc3, 0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0})); // a cut instruction
    EXPECT_FALSE(find({}));
}

TEST_F(HookPlace, needs_an_unused_word_before_the_data) {
    const std::vector<unsigned char> code = {0xc3, 0x90, 0x90, 0x90, 0x90, 0x90};
    EXPECT_FALSE(find(code, 0x31000)) << "no room in the first page";
    EXPECT_EQ(find(code, 0x3190c).slot, 0x31900U) << "words are aligned";
    page_[0x8ff] = std::byte(1);
    EXPECT_FALSE(find(code));
}

TEST(debug_hook, jumps_through_its_slot) {
    const auto code = debug_hook_code(DebugHook{kFunction, kData - 8});
    int32_t distance;
    std::memcpy(&distance, &code[2], sizeof distance);
    EXPECT_EQ(code[0], std::byte(0xff));
    EXPECT_EQ(code[1], std::byte(0x25)); // jmp *disp32(%rip)
    EXPECT_EQ(kFunction + code.size() + static_cast<uint64_t>(distance), kData - 8);
}

} // namespace
