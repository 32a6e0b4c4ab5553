// SPDX-License-Identifier: GPL-2.0-or-later
// Classification of words, on values and on synthetic processes: no program runs here.
#include "builder/capture/classify.h"
#include "builder/capture/dont_care.h"
#include "builder/capture/page_buffer.h"
#include "builder/capture/run.h"
#include "builder/capture/stop.h"
#include "builder/capture/tidy_path.h"

#include <gtest/gtest.h>

using namespace sharedregion;

namespace {

// Two runs whose values look like those of real ones.
RunValues values(unsigned run) {
    const uint64_t move = run * 0x12345000ULL;
    RunValues v;
    v.of(FixupClass::Region) = 0x7e9000000000 + 3 * move;
    v.of(FixupClass::Program) = 0x555555554000 + move;
    v.of(FixupClass::Loader) = 0x7ffff7fc0000 - move;
    v.of(FixupClass::StackPointer) = 0x7fffffffe000 - 7 * move;
    v.of(FixupClass::Environ) = v.of(FixupClass::StackPointer) + 40 + 16 * run;
    v.of(FixupClass::Auxv) = v.of(FixupClass::StackPointer) + 120 + 80 * run;
    v.of(FixupClass::Random) = v.of(FixupClass::StackPointer) + 0x500 + 8 * run;
    v.of(FixupClass::Platform) = v.of(FixupClass::Random) + 16;
    v.of(FixupClass::ExecFn) = v.of(FixupClass::StackPointer) + 0xf00 + 16 * run;
    v.of(FixupClass::Vdso) = v.of(FixupClass::Loader) - 0x2000; // as Linux 6.18 places it
    v.of(FixupClass::Canary) = 0x1122334455667700 + run * 0x101010100;
    v.of(FixupClass::PointerGuard) = 0x99aabbccddeeff11 + run * 0x1111;
    v.of(FixupClass::ProgramBreak) = v.of(FixupClass::Program) + 0x100000 + run * 0x3000;
    v.of(FixupClass::StackLimit) = (8 << 20) - run * 4096;
    v.of(FixupClass::ThreadId) = 4711 + run;
    v.of(FixupClass::ArgumentCount) = 3 + run * 9;
    v.region_size = 1 << 30;
    v.argument_bytes = 40;
    v.environ_bytes = 80;
    v.auxv_bytes = 0x140;
    v.program = {v.of(FixupClass::Program), v.of(FixupClass::Program) + 0x20000};
    v.loader = {v.of(FixupClass::Loader), v.of(FixupClass::Loader) + 0x35000};
    v.vdso = {v.of(FixupClass::Vdso), v.of(FixupClass::Vdso) + 0x2000};
    v.files = {0x7ea000000000 + 5 * move, 0x7ea000010000 + 5 * move};
    v.cycles = {1000000 + run * 5000000, 1900000 + run * 5000000};
    v.cpuid_1_ebx = 0x00020800 + (run << 24);
    return v;
}

class Words : public testing::Test {
  protected:
    const RunValues first_ = values(0), second_ = values(1);
    const Classifier classifier_{first_, second_};

    // The kind and content of a word that is `distance` from the class's value in both runs.
    void expect_class(FixupClass fixup_class, uint64_t distance) {
        auto word = classifier_.classify(false, first_.of(fixup_class) + distance,
                                         second_.of(fixup_class) + distance);
        ASSERT_TRUE(word.has_value()) << static_cast<unsigned>(fixup_class);
        ASSERT_EQ(word->count, 1U);
        EXPECT_EQ(word->parts[0].kind, kind_of(fixup_class)) << static_cast<unsigned>(fixup_class);
        EXPECT_EQ(word->parts[0].content, distance);
        EXPECT_EQ(word->parts[0].width, 8);
    }
    void expect_dont_care(bool in_loader, uint64_t first, uint64_t second, WordKind kind, uint64_t content) {
        auto word = classifier_.classify(in_loader, first, second);
        ASSERT_TRUE(word.has_value());
        EXPECT_EQ(word->parts[0].kind, kind);
        EXPECT_EQ(word->parts[0].content, content);
    }
    void expect_unclassified(bool in_loader, uint64_t first, uint64_t second) {
        EXPECT_FALSE(classifier_.classify(in_loader, first, second).has_value());
    }
};

TEST_F(Words, of_two_such_runs_can_be_told_apart) {
    EXPECT_TRUE(classifier_.check_variation().ok());
}

TEST_F(Words, relative_to_an_image_are_found) {
    expect_class(FixupClass::Region, 0x12345678);
    expect_class(FixupClass::Program, 0x1f000);
    expect_class(FixupClass::Loader, 0x34ab8);
    expect_class(FixupClass::Loader, 0);
    expect_class(FixupClass::Vdso, 0);
    expect_class(FixupClass::Vdso, 0x1ff8);
}
TEST_F(Words, just_before_an_image_are_found) {
    expect_class(FixupClass::Region, -0x1000ULL);
    expect_class(FixupClass::Program, -0x1000ULL);
}
TEST_F(Words, relative_to_the_stack_are_found) {
    expect_class(FixupClass::StackPointer, 0);
    expect_class(FixupClass::StackPointer, 8);
    expect_class(FixupClass::Environ, 0);
    expect_class(FixupClass::Auxv, 0);
    expect_class(FixupClass::Random, 0);
    expect_class(FixupClass::Platform, 0);
    expect_class(FixupClass::ExecFn, 0);
}
TEST_F(Words, with_secrets_and_limits_are_found) {
    expect_class(FixupClass::Canary, 0);
    expect_class(FixupClass::PointerGuard, 0);
    expect_class(FixupClass::StackLimit, 0);
    expect_class(FixupClass::ProgramBreak, 0);
}

TEST_F(Words, of_32_bits_are_found_in_either_half) {
    for (unsigned shift : {0, 32}) {
        const uint64_t other = 0xabcdef01ULL << (32 - shift);
        auto word = classifier_.classify(false, first_.of(FixupClass::ThreadId) << shift | other,
                                         second_.of(FixupClass::ThreadId) << shift | other);
        ASSERT_TRUE(word.has_value());
        EXPECT_EQ(word->parts[0].kind, kind_of(FixupClass::ThreadId));
        EXPECT_EQ(word->parts[0].offset, shift / 8);
        EXPECT_EQ(word->parts[0].width, 4);
        EXPECT_EQ(word->parts[0].content, 0U);
    }
}
TEST_F(Words, may_hold_two_32_bit_classes) {
    auto both = [](const RunValues &v) {
        return v.of(FixupClass::ThreadId) << 32 | v.of(FixupClass::ArgumentCount);
    };
    auto word = classifier_.classify(false, both(first_), both(second_));
    ASSERT_TRUE(word.has_value());
    EXPECT_EQ(word->count, 2U);
}

TEST_F(Words, that_differ_otherwise_are_unclassified) {
    expect_unclassified(false, 1, 2);
    expect_unclassified(false, first_.of(FixupClass::Region), second_.of(FixupClass::Region) + 8);
    expect_unclassified(false, first_.of(FixupClass::Region) + (2ULL << 30),
                        second_.of(FixupClass::Region) + (2ULL << 30));
    expect_unclassified(false, first_.of(FixupClass::Canary) + 1, second_.of(FixupClass::Canary) + 1);
    expect_unclassified(false, first_.of(FixupClass::StackPointer) - 8,
                        second_.of(FixupClass::StackPointer) - 8);
}

TEST_F(Words, that_count_cycles_do_not_matter_in_ld_so_only) {
    expect_dont_care(true, 1234567, 6500000, WordKind::CycleCount, 0); // times
    expect_dont_care(true, 50000, 61000, WordKind::CycleCount, 0);     // durations
    expect_unclassified(false, 50000, 61000);
    expect_unclassified(true, 999999, 4000000); // neither within the run nor shorter than it
    expect_unclassified(true, 5, 6);
}
TEST_F(Words, with_the_apic_id_keep_the_other_bits) {
    const uint64_t low = 0x1234567800000000;
    auto word = classifier_.classify(true, low | first_.cpuid_1_ebx, low | second_.cpuid_1_ebx);
    ASSERT_TRUE(word.has_value());
    EXPECT_EQ(word->parts[0].kind, WordKind::ApicId);
    EXPECT_EQ(word->parts[0].content, first_.cpuid_1_ebx & 0x00ffffff);
    expect_unclassified(false, first_.cpuid_1_ebx, second_.cpuid_1_ebx);
    expect_unclassified(true, first_.cpuid_1_ebx + 1, second_.cpuid_1_ebx + 1);
}
TEST_F(Words, that_dangle_into_the_loader_cache_become_zero) {
    expect_dont_care(true, first_.files.begin + 48, second_.files.begin + 48, WordKind::FilePointer, 0);
    expect_unclassified(false, first_.files.begin + 48, second_.files.begin + 48);
}
TEST_F(Words, with_the_break_become_zero_in_ld_so_only) {
    expect_dont_care(true, first_.of(FixupClass::ProgramBreak), second_.of(FixupClass::ProgramBreak),
                     WordKind::LoaderBreak, 0);
    expect_class(FixupClass::ProgramBreak, 0);
}

TEST(variation, is_missing_where_a_class_does_not_move) {
    for (FixupClass c : {FixupClass::Program, FixupClass::Loader, FixupClass::Region, FixupClass::ThreadId}) {
        RunValues first = values(0), second = values(1);
        second.of(c) = first.of(c);
        auto result = Classifier(first, second).check_variation();
        ASSERT_FALSE(result.ok());
        EXPECT_EQ(result.error().reason, "no-variation");
    }
}
TEST(variation, is_missing_where_two_classes_that_overlap_move_together) {
    RunValues first = values(0), second = values(1);
    second.of(FixupClass::Program) =
        first.of(FixupClass::Program) + (second.of(FixupClass::Region) - first.of(FixupClass::Region));
    EXPECT_TRUE(Classifier(first, second).check_variation().ok()) << "far from each other";
    first.of(FixupClass::Program) = first.of(FixupClass::Region) + 4096;
    second.of(FixupClass::Program) = second.of(FixupClass::Region) + 4096;
    first.program = {first.of(FixupClass::Program), first.of(FixupClass::Program) + 4096};
    EXPECT_FALSE(Classifier(first, second).check_variation().ok());
}
TEST(variation, is_not_asked_of_a_program_at_a_fixed_address) {
    RunValues first = values(0), second = values(1);
    first.of(FixupClass::Program) = second.of(FixupClass::Program) = 0;
    EXPECT_TRUE(Classifier(first, second).check_variation().ok());
}

TEST(address_order, tells_how_program_region_and_vdso_lie) {
    RunValues v = values(0);
    EXPECT_EQ(address_order(v), kOrderRegionAboveProgram | kOrderVdsoAboveRegion);
    v.of(FixupClass::Vdso) = v.of(FixupClass::Region) - 0x100000;
    EXPECT_EQ(address_order(v), kOrderRegionAboveProgram);
}

TEST(tidy_path, takes_out_what_says_nothing) {
    EXPECT_EQ(tidy_path("/usr//bin/./../lib/x"), "/usr/lib/x");
    EXPECT_EQ(tidy_path("/usr/bin/../../usr/lib"), "/usr/lib");
    EXPECT_EQ(tidy_path("/none/../x"), "/none/../x") << "may become a link";
    EXPECT_EQ(tidy_path("/none/../../x"), "/none/../../x");
    EXPECT_EQ(tidy_path("/proc/self/../x"), "/proc/self/../x") << "a link";
}

uint64_t stop_point(std::initializer_list<unsigned char> code) {
    std::vector<unsigned char> bytes(code);
    auto stop = find_stop_point(ByteView(bytes.data(), bytes.size()));
    return stop.ok() ? stop.value() : 0;
}

TEST(stop_point, is_where_the_call_at_the_entry_returns_to) {
    EXPECT_EQ(stop_point({0x48, 0x89, 0xe7, 0xe8, 1, 2, 3, 4}), 8U);
    EXPECT_EQ(stop_point({0xf3, 0x0f, 0x1e, 0xfa, 0x48, 0x89, 0xe7, 0xe8, 1, 2, 3, 4}), 12U) << "endbr64";
}
TEST(stop_point, is_not_found_in_other_code) {
    EXPECT_EQ(stop_point({}), 0U);
    EXPECT_EQ(stop_point({0x48, 0x89, 0xe7, 0xe8, 1, 2, 3}), 0U);
    EXPECT_EQ(stop_point({0x48, 0x89, 0xe7, 0xe9, 1, 2, 3, 4}), 0U);
    EXPECT_EQ(stop_point({0x31, 0xed, 0x48, 0x89, 0xe7, 0xe8, 1, 2, 3, 4}), 0U);
}

TEST(page_set, visits_runs_in_order_and_cut_to_length) {
    PageSet pages(300);
    pages.insert_range(60, 70);
    pages.insert(299);
    std::vector<std::pair<uint64_t, uint64_t>> runs;
    pages.for_each_run(8, [&](uint64_t first, uint64_t end) { runs.emplace_back(first, end); });
    EXPECT_EQ(runs, (std::vector<std::pair<uint64_t, uint64_t>>{{60, 68}, {68, 70}, {299, 300}}));
}

} // namespace
