// SPDX-License-Identifier: GPL-2.0-or-later
// Programs that can have no set are rejected, each with its word; special ones that can are captured.
#include "builder/capture/reject_reason.h"
#include "selftests/unit/capture_support.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <elf.h>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace sharedregion;

namespace {

std::string outcome(const Result<ProgramCapture, Rejection> &result) {
    return result.ok() ? "captured" : result.error().reason + " (" + result.error().detail + ")";
}

void expect_word(const Result<ProgramCapture, Rejection> &result, const std::string &word) {
    EXPECT_EQ(result.ok() ? "captured" : result.error().reason, word) << outcome(result);
}

void expect_rejected(const std::string &name, const std::string &word, unsigned timeout_ms = 10000) {
    expect_word(test::capture(test::fixture(name), timeout_ms), word);
}

ProgramCapture expect_captured(const std::string &name) {
    auto result = test::capture(test::fixture(name));
    EXPECT_TRUE(result.ok()) << outcome(result);
    return result.ok() ? std::move(result.value()) : ProgramCapture();
}

TEST(reject, each_word_is_known_and_explained_once) {
#define SHAREDREGION_X(name, word, text)                                                                     \
    EXPECT_STREQ(reject_word(RejectReason::name), word);                                                     \
    EXPECT_STREQ(explain_reject_word(word), text) << "another reason has the same word";
    SHAREDREGION_REJECT_REASONS(SHAREDREGION_X)
#undef SHAREDREGION_X
    EXPECT_EQ(explain_reject_word("no such word"), nullptr);
}

TEST(reject, a_static_program) {
    expect_rejected("static", "static");
}
TEST(reject, an_executable_stack) {
    expect_rejected("exec_stack", "exec-stack");
}
TEST(reject, text_relocations) {
    expect_rejected("text_relocations", "text-relocations");
}
TEST(reject, a_symbol_that_nobody_defines) {
    expect_rejected("unresolved", "unresolved-symbol");
}
TEST(reject, a_library_that_is_not_found) {
    expect_rejected("missing", "missing-library");
}
TEST(reject, a_relative_library_path) {
    expect_rejected("relative", "relative-library-path");
}
TEST(reject, a_resolver_that_makes_a_directory) {
    expect_rejected("resolver_directory", "unexpected-system-call");
}
TEST(reject, a_resolver_that_makes_a_file_before_it_does) {
    const char *made = "/tmp/shared-region-capture-made-this";
    unlink(made);
    expect_rejected("resolver_create", "unexpected-system-call");
    EXPECT_NE(access(made, F_OK), 0);
    expect_rejected("resolver_old_create", "unexpected-system-call");
    EXPECT_NE(access(made, F_OK), 0);
    unlink(made);
}
TEST(reject, a_resolver_that_forks_before_it_does) {
    expect_rejected("resolver_fork", "unexpected-system-call");
    usleep(20000);
    for (const auto &process : std::filesystem::directory_iterator("/proc")) {
        std::ifstream comm(process.path() / "comm");
        std::string name;
        std::getline(comm, name);
        EXPECT_NE(name, "resolver_fork") << process.path();
    }
}
TEST(reject, a_resolver_that_maps_memory) {
    expect_rejected("resolver_map", "unexpected-mapping");
}
TEST(reject, a_resolver_that_shares_memory) {
    expect_rejected("resolver_shared_map", "unexpected-system-call");
}
TEST(reject, a_resolver_that_is_killed) {
    expect_rejected("resolver_signal", "died");
}
TEST(reject, a_resolver_that_exits) {
    expect_rejected("resolver_exit", "died");
}
TEST(reject, a_resolver_that_uses_another_abi) {
    expect_rejected("resolver_int80", "died");
}
TEST(reject, a_word_that_holds_the_time) {
    expect_rejected("resolver_cycles", "unclassified-word");
}
TEST(reject, a_word_that_holds_a_random_number) {
    expect_rejected("resolver_random", "unclassified-word");
}
TEST(reject, a_word_that_only_the_third_run_changes) {
    expect_rejected("resolver_third_run", "unpredictable-word");
}

TEST(reject, a_program_that_takes_too_long_in_about_its_time) {
    auto begin = std::chrono::steady_clock::now();
    expect_rejected("resolver_spin", "timeout", 200);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

TEST(reject, a_library_that_is_not_planned) {
    auto plan = test::make_plan({});
    expect_word(capture_program({test::fixture("plain"), test::kLoader}, plan->plan, plan->base),
                "unplanned-library");
}

TEST(reject, a_library_that_changed_after_planning) {
    auto plan = test::make_plan({test::fixture("plain")});
    plan->plan.images[0].identity.mtime_ns++;
    expect_word(capture_program({test::fixture("plain"), test::kLoader}, plan->plan, plan->base),
                "library-changed");
}

TEST(reject, a_heap_area_that_is_too_small) {
    auto plan = test::make_plan({test::fixture("plain")});
    plan->plan.heap_size = VMSize(4096);
    expect_word(capture_program({test::fixture("plain"), test::kLoader}, plan->plan, plan->base),
                "heap-full");
}

TEST(reject, another_interpreter) {
    auto plan = test::make_plan({test::fixture("plain")});
    expect_word(capture_program({test::fixture("plain"), "/lib64/another.so"}, plan->plan, plan->base),
                "other-interpreter");
}

TEST(reject, a_program_that_is_not_there) {
    expect_word(test::capture("/none/such"), "not-found");
}
TEST(reject, a_directory) {
    expect_word(test::capture("/usr"), "not-elf");
}

// Copies of a program with something changed.
class ChangedProgram : public testing::Test {
  protected:
    void SetUp() override {
        char name[] = "/tmp/reject_test.XXXXXX";
        ASSERT_NE(mkdtemp(name), nullptr);
        directory_ = name;
        path_ = directory_ + "/program";
        FILE *file = fopen(test::fixture("plain").c_str(), "rb");
        ASSERT_NE(file, nullptr);
        bytes_.resize(1 << 20);
        bytes_.resize(fread(bytes_.data(), 1, bytes_.size(), file));
        fclose(file);
    }
    void TearDown() override {
        unlink(path_.c_str());
        rmdir(directory_.c_str());
    }
    Elf64_Ehdr *header() { return reinterpret_cast<Elf64_Ehdr *>(bytes_.data()); }
    void expect(const std::string &word, mode_t mode = 0755) {
        FILE *file = fopen(path_.c_str(), "wb");
        ASSERT_NE(file, nullptr);
        fwrite(bytes_.data(), 1, bytes_.size(), file);
        fclose(file);
        ASSERT_EQ(chown(path_.c_str(), owner_, owner_), 0);
        ASSERT_EQ(chmod(path_.c_str(), mode), 0);
        expect_word(test::capture(path_), word);
    }
    std::string directory_, path_;
    uid_t owner_ = getuid();
    std::vector<unsigned char> bytes_;
};

TEST_F(ChangedProgram, unchanged_is_captured) {
    expect("captured");
}
TEST_F(ChangedProgram, that_gains_no_privileges_by_set_user_id_is_captured) {
    expect("captured", 04755);
}
TEST_F(ChangedProgram, that_gains_a_user_is_rejected) {
    if (getuid() != 0)
        GTEST_SKIP() << "needs root: makes a program of another user";
    owner_ = 65534;
    expect("setuid", 04755);
}
TEST_F(ChangedProgram, that_gains_a_group_is_rejected) {
    if (getuid() != 0)
        GTEST_SKIP() << "needs root: makes a program of another group";
    owner_ = 65534;
    expect("setuid", 02755);
}
TEST_F(ChangedProgram, that_nobody_may_execute_is_rejected) {
    expect("no-permission", 0644);
}
TEST_F(ChangedProgram, for_another_machine_is_rejected) {
    header()->e_machine = EM_AARCH64;
    expect("other-machine");
}
TEST_F(ChangedProgram, of_32_bits_is_rejected) {
    header()->e_ident[EI_CLASS] = ELFCLASS32;
    expect("other-machine");
}
TEST_F(ChangedProgram, that_is_an_object_file_is_rejected) {
    header()->e_type = ET_REL;
    expect("not-elf");
}
TEST_F(ChangedProgram, with_headers_outside_the_file_is_rejected) {
    header()->e_phoff = 1ULL << 40;
    expect("malformed-elf");
}
TEST_F(ChangedProgram, with_a_segment_outside_the_file_is_rejected) {
    auto *phdrs = reinterpret_cast<Elf64_Phdr *>(bytes_.data() + header()->e_phoff);
    for (unsigned i = 0; i < header()->e_phnum; i++)
        if (phdrs[i].p_type == PT_LOAD && (phdrs[i].p_flags & PF_W) != 0)
            phdrs[i].p_offset += 1ULL << 40;
    expect("malformed-elf");
}
TEST_F(ChangedProgram, with_an_endless_segment_is_rejected) {
    auto *phdrs = reinterpret_cast<Elf64_Phdr *>(bytes_.data() + header()->e_phoff);
    for (unsigned i = 0; i < header()->e_phnum; i++)
        if (phdrs[i].p_type == PT_LOAD && (phdrs[i].p_flags & PF_W) != 0)
            phdrs[i].p_memsz = phdrs[i].p_filesz = ~0ULL;
    expect("malformed-elf");
}
TEST_F(ChangedProgram, that_is_truncated_is_rejected) {
    bytes_.resize(100);
    expect("malformed-elf");
}
TEST_F(ChangedProgram, that_is_empty_is_rejected) {
    bytes_.clear();
    expect("not-elf");
}
TEST_F(ChangedProgram, that_is_a_script_is_rejected) {
    const char script[] = "#!/bin/sh\necho\n";
    bytes_.assign(script, script + sizeof script - 1);
    expect("not-elf");
}
TEST_F(ChangedProgram, truncated_anywhere_never_harms_the_capture) {
    const std::vector<unsigned char> whole = bytes_;
    for (size_t size = 64; size < whole.size(); size += whole.size() / 23) {
        bytes_.assign(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
        FILE *file = fopen(path_.c_str(), "wb");
        ASSERT_NE(file, nullptr);
        fwrite(bytes_.data(), 1, bytes_.size(), file);
        fclose(file);
        ASSERT_EQ(chmod(path_.c_str(), 0755), 0);
        auto result = test::capture(path_);
        EXPECT_TRUE(result.ok() || explain_reject_word(result.error().reason) != nullptr);
    }
}

TEST(special_program, that_is_not_position_independent_is_captured) {
    ProgramCapture capture = expect_captured("fixed");
    EXPECT_EQ(capture.fixups.count({Space::Program, FixupClass::Program}), 0U);
    EXPECT_TRUE(std::any_of(capture.pages.begin(), capture.pages.end(), [](const CapturedPage &page) {
        return page.space == Space::Program && page.offset >= 0x400000;
    }));
}
TEST(special_program, with_copy_relocations_is_captured) {
    expect_captured("copy_relocation");
}
TEST(special_program, without_build_id_is_captured) {
    EXPECT_EQ(expect_captured("no_build_id").build_id.size, 0);
}
TEST(special_program, that_uses_its_own_place_depends_on_its_path) {
    EXPECT_TRUE(expect_captured("origin").path_dependent);
    EXPECT_FALSE(expect_captured("plain").path_dependent);
}
TEST(special_program, with_a_library_aligned_to_2_mib_is_captured) {
    expect_captured("aligned/program");
}
TEST(special_program, whose_resolver_reads_the_stack_limit_is_captured) {
    ProgramCapture capture = expect_captured("resolver_stack_limit");
    auto words = capture.fixups.find({Space::Program, FixupClass::StackLimit});
    ASSERT_NE(words, capture.fixups.end());
    EXPECT_EQ(words->second.size(), 1U);
}
TEST(special_program, that_searches_a_missing_directory_first_depends_on_its_absence) {
    std::vector<std::string> absent = expect_captured("second_place").absent;
    std::string missing = test::fixture("plain");
    missing = missing.substr(0, missing.rfind('/')) + "/none";
    EXPECT_NE(std::find(absent.begin(), absent.end(), missing), absent.end());
}
TEST(special_program, with_gigabytes_of_bss_takes_no_gigabytes_to_capture) {
    ProgramCapture capture = expect_captured("large_bss");
    EXPECT_LT(capture.pages.size(), 100U);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    EXPECT_LT(usage.ru_maxrss, 600 << 10);
}

} // namespace
