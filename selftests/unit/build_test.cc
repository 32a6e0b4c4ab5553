// SPDX-License-Identifier: GPL-2.0-or-later
// Whole builds: what the files of a generation say of the programs that were asked for.
#include "builder/build.h"
#include "builder/single/program_set.h"
#include "builder/support/mapped_file.h"
#include "selftests/unit/model_of_programs.h"
#include "sharedregion/cache_view.h"
#include "sharedregion/hash_tree.h"
#include "sharedregion/set_view.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <set>

namespace sharedregion::testing {
namespace {

class BuildTest : public ::testing::Test {
  protected:
    void SetUp() override {
        directory_ = make_temporary_directory();
        options_.output = directory_ + "/generation";
        options_.programs = {binder_fixture("dump_scope"), binder_fixture("dump_layout"),
                             "out/fixtures/static"};
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }

    void build() {
        NoProgress progress;
        Outcome<BuildReport> built = build_generation(options_, progress);
        ASSERT_TRUE(built.ok()) << built.error().message();
        report_ = std::move(built.value());
        cache_.emplace(std::move(MappedFile::open(options_.output + "/shared_cache").value()));
        sets_.emplace(std::move(MappedFile::open(options_.output + "/sets").value()));
    }
    CacheView cache() const { return std::move(CacheView::open(cache_->bytes()).value()); }
    SetsView sets() const { return std::move(SetsView::open(sets_->bytes()).value()); }
    const SetProgramRecord *program(const SetsView &view, const std::string &path) const {
        return view.find(std::filesystem::canonical(path).c_str());
    }

    std::string directory_;
    BuilderOptions options_;
    BuildReport report_;
    std::optional<MappedFile> cache_, sets_;
};

TEST_F(BuildTest, makes_two_files_that_pass_every_check) {
    ASSERT_NO_FATAL_FAILURE(build());
    EXPECT_TRUE(verify_hash_tree(cache_->bytes(), kCacheHeaderOffset).ok());
    EXPECT_TRUE(verify_hash_tree(sets_->bytes(), 0).ok());
    EXPECT_EQ(sets().header().cache_uuid, cache().header().file.uuid);
    EXPECT_EQ(report_.uuid, cache().header().file.uuid);
    EXPECT_EQ(report_.bytes, cache_->bytes().size() + sets_->bytes().size());
    const CacheHeader header = cache().header();
    SetLimits limits = {header.data_size, header.mapped_size, header.heap_offset,
                        header.heap_size, header.region_size, header.images.size};
    SetsView view = sets();
    for (const SetProgramRecord &record : view.programs())
        if (SetsView::captured(record)) {
            Result<SetView> set = view.set(record);
            ASSERT_TRUE(set.ok()) << set.error().what;
            EXPECT_TRUE(set.value().check_words(limits).ok());
        }
}

TEST_F(BuildTest, records_captured_and_rejected_programs) {
    ASSERT_NO_FATAL_FAILURE(build());
    EXPECT_EQ(report_.programs, 3U);
    EXPECT_EQ(report_.captured, 2U);
    ASSERT_EQ(report_.rejected.size(), 1U);
    EXPECT_EQ(report_.rejected[0].reason, "static");
    SetsView view = sets();
    const SetProgramRecord *captured = program(view, options_.programs[0]);
    const SetProgramRecord *rejected = program(view, "out/fixtures/static");
    ASSERT_NE(captured, nullptr);
    ASSERT_NE(rejected, nullptr);
    EXPECT_TRUE(SetsView::captured(*captured));
    EXPECT_STREQ(view.string(rejected->reason), "static");
}

TEST_F(BuildTest, a_set_names_the_libraries_of_its_program) {
    ASSERT_NO_FATAL_FAILURE(build());
    SetsView view = sets();
    Result<SetView> set = view.set(*program(view, binder_fixture("dump_scope")));
    ASSERT_TRUE(set.ok());
    std::set<std::string> names;
    for (const SetDependency &dependency : set.value().dependencies()) {
        std::string path = set.value().string(dependency.path);
        names.insert(path.substr(path.rfind('/') + 1));
        // By the name that ld.so found it under: a symlink that is changed later is noticed.
        EXPECT_EQ(std::filesystem::canonical(path), cache().string(cache().images()[dependency.image].path));
    }
    for (const char *name : {"libscope.so", "libscope_rival.so", "libc.so.6"})
        EXPECT_TRUE(names.count(name)) << name;
    EXPECT_FALSE(names.count("libbss.so")); // of the other program
}

// The request for one program against the finished cache.
class ProgramSetTest : public BuildTest {
  protected:
    Outcome<ProgramOutcome> build_one(const std::string &program) {
        ProgramSetRequest request;
        request.cache = options_.output + "/shared_cache";
        request.program = program;
        request.output = one_ = directory_ + "/one";
        return build_program_set(request);
    }
    std::string one_;
};

TEST_F(ProgramSetTest, a_set_made_later_is_that_of_the_build_byte_for_byte) {
    ASSERT_NO_FATAL_FAILURE(build());
    for (const char *name : {"dump_scope", "dump_layout"}) {
        Outcome<ProgramOutcome> one = build_one(binder_fixture(name));
        ASSERT_TRUE(one.ok()) << one.error().message();
        ASSERT_EQ(one.value().rejection.reason, "") << one.value().rejection.detail;
        SetsView view = sets();
        ByteView built = view.blob(*program(view, binder_fixture(name)));
        ASSERT_EQ(one.value().blob.size(), built.size());
        EXPECT_EQ(std::memcmp(one.value().blob.data(), built.data(), built.size()), 0);
        auto file = MappedFile::open(one_);
        ASSERT_TRUE(file.ok());
        EXPECT_TRUE(verify_hash_tree(file.value().bytes(), 0).ok());
        SetsView written = std::move(SetsView::open(file.value().bytes()).value());
        EXPECT_EQ(written.header().cache_uuid, cache().header().file.uuid);
        ASSERT_NE(program(written, binder_fixture(name)), nullptr);
        EXPECT_TRUE(SetsView::captured(*program(written, binder_fixture(name))));
    }
}

TEST_F(ProgramSetTest, a_program_with_a_library_that_the_cache_has_not_is_rejected) {
    options_.programs = {"out/fixtures/empty"};
    ASSERT_NO_FATAL_FAILURE(build());
    Outcome<ProgramOutcome> one = build_one(binder_fixture("dump_scope"));
    ASSERT_TRUE(one.ok()) << one.error().message();
    EXPECT_EQ(one.value().rejection.reason, "unplanned-library");
    EXPECT_NE(one.value().rejection.detail.find("libscope"), std::string::npos);
    EXPECT_TRUE(one.value().blob.empty());
}

TEST_F(ProgramSetTest, a_program_whose_library_was_replaced_since_the_build_is_rejected) {
    const std::filesystem::path copy = directory_ + "/copy";
    std::filesystem::create_directory(copy);
    std::filesystem::create_directory(copy / "bin");
    std::filesystem::copy("out/fixtures/shadow/bin/uses_lib", copy / "bin");
    std::filesystem::copy("out/fixtures/libfixture.so", copy);
    options_.programs = {copy / "bin/uses_lib"};
    ASSERT_NO_FATAL_FAILURE(build());
    std::filesystem::copy_file("out/fixtures/libfixture.so", copy / "new");
    std::filesystem::rename(copy / "new", copy / "libfixture.so");
    Outcome<ProgramOutcome> one = build_one(copy / "bin/uses_lib");
    ASSERT_TRUE(one.ok()) << one.error().message();
    EXPECT_EQ(one.value().rejection.reason, "library-changed");
    EXPECT_EQ(one.value().rejection.detail, std::filesystem::canonical(copy / "libfixture.so"));
}

TEST_F(ProgramSetTest, a_program_that_the_build_rejects_is_rejected_with_the_same_word) {
    ASSERT_NO_FATAL_FAILURE(build());
    Outcome<ProgramOutcome> one = build_one("out/fixtures/static");
    ASSERT_TRUE(one.ok()) << one.error().message();
    EXPECT_EQ(one.value().rejection.reason, "static");
}

TEST_F(ProgramSetTest, a_damaged_cache_is_an_error_that_names_it) {
    ASSERT_NO_FATAL_FAILURE(build());
    std::filesystem::resize_file(options_.output + "/shared_cache", 8192);
    Outcome<ProgramOutcome> one = build_one(binder_fixture("dump_scope"));
    ASSERT_FALSE(one.ok());
    EXPECT_EQ(one.error().file, options_.output + "/shared_cache");
}

TEST_F(BuildTest, ifunc_results_get_into_the_base_content) {
    ASSERT_NO_FATAL_FAILURE(build());
    EXPECT_GT(report_.from_capture, 0U);
    EXPECT_GT(report_.adopted_pages, 0U);
    // Where libc keeps the results of its own resolvers there is no zero left.
    CacheView view = cache();
    const CacheImageRecord *libc = nullptr;
    for (const CacheImageRecord &image : view.images())
        if (std::string(view.string(image.soname)) == "libc.so.6")
            libc = &image;
    ASSERT_NE(libc, nullptr);
    auto file = open_to_read(view.string(libc->path));
    ElfImage elf = std::move(read_elf_image(file.value().get()).value());
    int found = 0;
    for (const Elf64_Rela &relocation : elf.plt_relocations)
        if (ELF64_R_TYPE(relocation.r_info) == R_X86_64_IRELATIVE) {
            const uint64_t result = *cache_->bytes().at<uint64_t>(libc->base + relocation.r_offset);
            EXPECT_TRUE(view.image_at(result) != nullptr || result >= vdso_stub_offset(0)) << result;
            found++;
        }
    EXPECT_GT(found, 10);
}

TEST_F(BuildTest, no_library_has_words_that_hold_the_processs_vdso) {
    ASSERT_NO_FATAL_FAILURE(build());
    constexpr char kLoader[] = "ld-linux-x86-64.so.2";
    CacheView view = cache();
    const CacheHeader &header = view.header();
    ASSERT_NE(header.vdso_words[0], 0U) << "libc's time() is an IFUNC that returns the vDSO's";
    for (uint64_t i = 0; i < kVdsoStubs && header.vdso_words[i] != 0; i++) {
        EXPECT_STREQ(view.string(view.image_at(header.vdso_words[i])->soname), kLoader);
        const auto code = vdso_stub(i, header.vdso_words[i]);
        EXPECT_EQ(std::memcmp(cache_->bytes().part(vdso_stub_offset(i), code.size()).data(), code.data(),
                              code.size()),
                  0);
    }
    SetsView all = sets();
    for (const SetProgramRecord &record : all.programs()) {
        if (!SetsView::captured(record))
            continue;
        Result<SetView> set = all.set(record);
        ASSERT_TRUE(set.ok()) << set.error().what;
        for (const SetFixupList &list : set.value().fixups())
            if (FixupClass(list.fixup_class) == FixupClass::Vdso)
                set.value().for_each_word(list, [&](uint64_t at) {
                    const CacheImageRecord *image = view.image_at(at);
                    EXPECT_EQ(Space(list.space), Space::Region) << at;
                    const bool is_loaders =
                        image == nullptr || std::string(view.string(image->soname)) == kLoader;
                    EXPECT_TRUE(is_loaders) << at; // (no image: the loader heap)
                });
    }
}

TEST_F(BuildTest, embeds_the_second_stage) {
    options_.loader_blob = directory_ + "/stage2";
    std::string blob(5000, 'x');
    std::ofstream(options_.loader_blob) << blob;
    ASSERT_NO_FATAL_FAILURE(build());
    const CacheHeader header = cache().header();
    EXPECT_EQ(header.loader_size, blob.size());
    ByteView stored = cache_->bytes().part(header.loader_entry, header.loader_size);
    EXPECT_EQ(std::memcmp(stored.data(), blob.data(), blob.size()), 0);
}

TEST_F(BuildTest, two_builds_of_the_same_inputs_give_the_same_bytes) {
    const auto text = [](const MappedFile &file) {
        ByteView bytes = file.bytes();
        return std::string(reinterpret_cast<const char *>(bytes.data()), bytes.size());
    };
    ASSERT_NO_FATAL_FAILURE(build());
    std::string cache = text(*cache_), sets = text(*sets_);
    // Captures go to other CPUs and have other process ids than before.
    for (int i = 0; i < 3; i++) {
        options_.output = directory_ + "/again" + std::to_string(i);
        ASSERT_NO_FATAL_FAILURE(build());
        EXPECT_TRUE(text(*cache_) == cache);
        EXPECT_TRUE(text(*sets_) == sets);
    }
}

TEST_F(BuildTest, a_build_without_any_program_that_can_be_served_is_no_failure) {
    options_.programs = {"out/fixtures/static", directory_ + "/nothing"};
    ASSERT_NO_FATAL_FAILURE(build());
    EXPECT_EQ(report_.images, 0U);
    EXPECT_EQ(report_.captured, 0U);
    EXPECT_EQ(sets().programs().size(), 2U);
}

TEST_F(BuildTest, leaves_nothing_but_the_two_files) {
    ASSERT_NO_FATAL_FAILURE(build());
    int files = 0;
    for (const auto &entry : std::filesystem::directory_iterator(options_.output)) {
        (void)entry;
        files++;
    }
    EXPECT_EQ(files, 2);
}

TEST_F(BuildTest, a_directory_that_cannot_be_made_is_a_failure_that_names_it) {
    options_.output = directory_ + "/missing/generation";
    NoProgress progress;
    Outcome<BuildReport> built = build_generation(options_, progress);
    ASSERT_FALSE(built.ok());
    EXPECT_EQ(built.error().file, options_.output);
}

TEST_F(BuildTest, a_missing_second_stage_is_a_failure_that_names_it) {
    options_.loader_blob = directory_ + "/stage2";
    NoProgress progress;
    Outcome<BuildReport> built = build_generation(options_, progress);
    ASSERT_FALSE(built.ok());
    EXPECT_EQ(built.error().file, options_.loader_blob);
    EXPECT_FALSE(std::filesystem::exists(options_.output + "/shared_cache"));
}

} // namespace
} // namespace sharedregion::testing
