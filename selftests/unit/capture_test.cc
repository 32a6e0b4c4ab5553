// SPDX-License-Identifier: GPL-2.0-or-later
// Real captures of programs of this machine.
#include "selftests/unit/capture_support.h"

#include <algorithm>
#include <cstring>
#include <gtest/gtest.h>

using namespace sharedregion;

namespace {

ProgramCapture captured(const std::string &program) {
    auto result = test::capture(program);
    if (result.ok())
        return std::move(result.value());
    ADD_FAILURE() << program << ": " << result.error().reason << ": " << result.error().detail;
    return {};
}

size_t count_words(const ProgramCapture &capture, Space space, FixupClass fixup_class) {
    auto found = capture.fixups.find({space, fixup_class});
    return found == capture.fixups.end() ? 0 : found->second.size();
}

const CapturedPage *page_with(const ProgramCapture &capture, Space space, uint64_t offset) {
    for (const CapturedPage &page : capture.pages)
        if (page.space == space && offset >= page.offset && offset - page.offset < kPageSize)
            return &page;
    return nullptr;
}

class RealProgram : public testing::TestWithParam<const char *> {};

TEST_P(RealProgram, is_captured_and_verified) {
    std::string program = test::find_command(GetParam());
    if (program.empty())
        GTEST_SKIP() << GetParam() << " is not installed";
    ProgramCapture capture = captured(program);
    EXPECT_FALSE(capture.pages.empty());
    EXPECT_GE(capture.images.size(), 1U);
}

INSTANTIATE_TEST_SUITE_P(Commands, RealProgram,
                         testing::Values("bash", "ls", "git", "perl", "python3", "curl", "ssh", "gdb",
                                         "clang", "qemu-system-x86_64"));

TEST(capture, of_a_program_names_each_planned_library_once) {
    ProgramCapture capture = captured(test::find_command("ls"));
    EXPECT_EQ(capture.images.size(), test::list_libraries(test::find_command("ls")).size() + 1)
        << "and ld.so";
    std::sort(capture.images.begin(), capture.images.end());
    EXPECT_EQ(std::adjacent_find(capture.images.begin(), capture.images.end()), capture.images.end());
}

TEST(capture, tells_by_which_link_ld_so_found_a_library) {
    ProgramCapture capture = captured(test::find_command("true"));
    ASSERT_EQ(capture.opened.size() + 1, capture.images.size()) << "ld.so opens all but itself";
    EXPECT_EQ(capture.opened[0].substr(capture.opened[0].rfind('/')), "/libc.so.6");
}

TEST(capture, finds_each_per_process_word_where_glibc_keeps_it) {
    ProgramCapture capture = captured(test::find_command("true"));
    EXPECT_EQ(count_words(capture, Space::Region, FixupClass::Canary), 1U);
    EXPECT_EQ(count_words(capture, Space::Region, FixupClass::StackLimit), 1U);
    EXPECT_EQ(count_words(capture, Space::Region, FixupClass::ThreadId), 1U);
    EXPECT_EQ(count_words(capture, Space::Region, FixupClass::ArgumentCount), 1U);
    EXPECT_EQ(count_words(capture, Space::Region, FixupClass::Auxv), 1U);
    EXPECT_GE(count_words(capture, Space::Region, FixupClass::PointerGuard), 1U);
    EXPECT_GE(count_words(capture, Space::Region, FixupClass::Vdso), 1U);
    EXPECT_EQ(count_words(capture, Space::Region, FixupClass::ProgramBreak), 0U) << "stored as 0 instead";
    // tcbhead_t: the canary is at fs:0x28.
    auto canary = capture.fixups.find({Space::Region, FixupClass::Canary});
    ASSERT_NE(canary, capture.fixups.end());
    EXPECT_EQ(canary->second[0], capture.fs_base.raw() + 0x28);
    auto tid = capture.fixups.find({Space::Region, FixupClass::ThreadId});
    ASSERT_NE(tid, capture.fixups.end());
    EXPECT_EQ(tid->second[0], capture.tid_address.raw());
}

TEST(capture, leaves_the_rseq_area_uninitialised) {
    ProgramCapture capture = captured(test::find_command("true"));
    if (capture.rseq.raw() == 0)
        GTEST_SKIP() << "ld.so registered no rseq area";
    const CapturedPage *page = page_with(capture, Space::Region, capture.rseq.raw());
    ASSERT_NE(page, nullptr);
    int32_t cpu_id;
    std::memcpy(&cpu_id, &page->content[capture.rseq.raw() % kPageSize + 4], sizeof cpu_id);
    EXPECT_EQ(cpu_id, -1);
}

TEST(capture, sorts_pages_and_marks_only_words_in_or_near_the_region) {
    auto plan = test::make_plan({test::find_command("bash")});
    auto result = capture_program({test::find_command("bash"), test::kLoader}, plan->plan, plan->base);
    ASSERT_TRUE(result.ok());
    auto order = [](const CapturedPage &page) { return std::pair(page.space, page.offset); };
    const ProgramCapture &capture = result.value();
    for (size_t i = 1; i < capture.pages.size(); i++)
        EXPECT_LT(order(capture.pages[i - 1]), order(capture.pages[i]));
    for (const CapturedPage &page : capture.pages)
        for (uint16_t at : page.slide) {
            uint64_t word;
            std::memcpy(&word, &page.content[at], 8);
            // Near: l_gnu_chain_zero of the first image lies before it.
            EXPECT_LE(word + (1 << 20), plan->plan.region_size.raw() + (2 << 20));
        }
}

TEST(capture, makes_relro_of_program_and_libraries_read_only) {
    ProgramCapture capture = captured(test::find_command("true"));
    for (Space space : {Space::Region, Space::Program})
        EXPECT_TRUE(std::any_of(capture.protects.begin(), capture.protects.end(), [&](const SetProtect &p) {
            return p.space == static_cast<uint32_t>(space) && p.protection == 1 && p.size % kPageSize == 0;
        }));
}

TEST(capture, names_where_genuine_code_goes_on) {
    ProgramCapture capture = captured(test::find_command("true"));
    EXPECT_NE(capture.resume.raw(), 0U);
    EXPECT_NE(capture.debug_state, 0U);
    EXPECT_NE(capture.order & kOrderRegionAboveProgram, 0U);
}

TEST(capture, runs_ld_so_at_its_place_in_the_region) {
    auto plan = test::make_plan({test::find_command("true")});
    auto result = capture_program({test::find_command("true"), test::kLoader}, plan->plan, plan->base);
    ASSERT_TRUE(result.ok()) << result.error().reason << ": " << result.error().detail;
    const ProgramCapture &capture = result.value();
    const PlannedImage &loader = plan->plan.images[plan->plan.loader];
    EXPECT_GE(capture.resume, loader.base);
    EXPECT_LT(capture.resume, loader.base + loader.size);
    EXPECT_EQ(capture.images.back(), loader.index);
    // Nothing but the debug hook's slot is relative to the ld.so that the kernel maps.
    EXPECT_EQ(count_words(capture, Space::Region, FixupClass::Loader), 1U);
    EXPECT_EQ(count_words(capture, Space::Program, FixupClass::Loader), 0U);
    uint64_t slot = capture.fixups.at({Space::Region, FixupClass::Loader})[0];
    const CapturedPage *page = page_with(capture, Space::Region, slot);
    ASSERT_NE(page, nullptr);
    uint64_t word;
    std::memcpy(&word, &page->content[slot % kPageSize], sizeof word);
    EXPECT_EQ(word, capture.debug_state);
}

TEST(capture, wants_the_ld_so_that_was_planned) {
    auto plan = test::make_plan({test::find_command("true")});
    plan->plan.images[plan->plan.loader].identity.ino++;
    auto result = capture_program({test::find_command("true"), test::kLoader}, plan->plan, plan->base);
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().reason, "other-interpreter");
}

TEST(capture, is_the_same_twice) {
    std::string program = test::find_command("ls");
    ProgramCapture first = captured(program), second = captured(program);
    ASSERT_EQ(first.pages.size(), second.pages.size());
    EXPECT_EQ(first.fixups, second.fixups);
    size_t different = 0;
    for (size_t i = 0; i < first.pages.size(); i++)
        for (size_t at = 0; at < kPageSize; at += 8)
            different += memcmp(&first.pages[i].content[at], &second.pages[i].content[at], 8) != 0;
    // ld.so's copy of the APIC id is frozen as the first run's CPU has it.
    EXPECT_LE(different, 1U);
}

TEST(environment, names_the_genuine_loader) {
    auto environment = read_environment(test::kLoader);
    ASSERT_TRUE(environment.ok());
    EXPECT_NE(environment.value().loader.ino, 0U);
    EXPECT_NE(environment.value().loader_build_id.size, 0);
    EXPECT_EQ(environment.value().page_size, kPageSize);
    EXPECT_STREQ(environment.value().platform, "x86_64");
}

} // namespace
