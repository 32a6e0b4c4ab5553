// SPDX-License-Identifier: GPL-2.0-or-later
// The finished file: views and tools can read it, its text is the libraries' text, its hashes cover all of
// it.
#include "builder/capture/loader_image.h"
#include "builder/support/mapped_file.h"
#include "builder/support/run_command.h"
#include "selftests/unit/model_of_programs.h"
#include "sharedregion/cache_view.h"
#include "sharedregion/hash_tree.h"

#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>
#include <sys/resource.h>

namespace sharedregion::testing {
namespace {

class CacheFileTest : public ::testing::Test {
  protected:
    static void SetUpTestSuite() {
        directory = new std::string(make_temporary_directory());
        path = new std::string(*directory + "/shared_cache");
        model = new CacheModel;
        write_cache(*path, model);
    }
    static void TearDownTestSuite() {
        std::filesystem::remove_all(*directory);
        delete directory;
        delete path;
        delete model;
    }
    static void write_cache(const std::string &file, CacheModel *into) {
        NoProgress progress;
        auto cache = TemporaryFile::create(file);
        ASSERT_TRUE(cache.ok());
        ASSERT_TRUE(make_bound_model({binder_fixture("dump_layout"), binder_fixture("dump_types")},
                                     cache.value().named(), into));
        emit_early_chunks(into);
        Done late = emit_late_chunks(into);
        ASSERT_TRUE(late.ok()) << late.error().message();
        Done finalized = finalize_cache(into, cache.value().named(), progress);
        ASSERT_TRUE(finalized.ok()) << finalized.error().message();
        ASSERT_TRUE(cache.value().commit().ok());
    }

    void SetUp() override {
        auto file = MappedFile::open(*path);
        ASSERT_TRUE(file.ok());
        ByteView bytes = file.value().bytes();
        copy_.assign(bytes.data(), bytes.data() + bytes.size());
    }
    ByteView bytes() const { return ByteView(copy_.data(), copy_.size()); }
    // What activation does before it trusts a cache.
    Status check() const {
        TRY(CacheView::open(bytes()));
        return verify_hash_tree(bytes(), kCacheHeaderOffset);
    }
    std::string run_tool(std::vector<std::string> arguments) const {
        arguments.insert(arguments.begin(), "/usr/bin/env");
        CommandResult result = run_command(arguments, {"PATH=/usr/bin:/bin", "HOME=/"}, 60000);
        EXPECT_EQ(result.status, 0) << result.output;
        return result.output;
    }

    static std::string *directory, *path;
    static CacheModel *model;
    std::vector<unsigned char> copy_;
};

std::string *CacheFileTest::directory, *CacheFileTest::path;
CacheModel *CacheFileTest::model;

TEST_F(CacheFileTest, passes_all_checks_of_its_view) {
    ASSERT_TRUE(check().ok());
    Result<CacheView> view = CacheView::open(bytes());
    ASSERT_TRUE(view.ok());
    EXPECT_TRUE(view.value().check_exports().ok());
    EXPECT_TRUE(view.value().check_slide().ok());
    EXPECT_EQ(view.value().images().size(), model->images.size());
}

TEST_F(CacheFileTest, text_is_the_text_of_the_libraries_but_for_the_debug_hook) {
    const LoaderImage loader = std::move(read_loader_image(model->config.interpreter).value());
    ASSERT_TRUE(loader.hook) << "this ld.so has no room for it";
    const auto hook = debug_hook_code(loader.hook);
    for (const CacheImage &image : model->images) {
        auto file = open_to_read(image.path);
        for (const SegmentChunk &chunk : image.segments) {
            if (chunk.segment_kind == SegmentKind::Data)
                continue;
            auto original = read_at(file.value().get(), chunk.elf.offset, chunk.elf.file_size, image.path);
            ByteView cached = bytes().part(image.base.raw() + chunk.elf.vaddr, chunk.elf.file_size);
            ASSERT_EQ(original.value().size(), cached.size());
            if (image.path == model->config.interpreter && (chunk.elf.flags & PF_X) != 0)
                std::copy(hook.begin(), hook.end(),
                          original.value().begin() +
                              static_cast<ptrdiff_t>(loader.hook.function - chunk.elf.vaddr));
            EXPECT_EQ(std::memcmp(original.value().data(), cached.data(), cached.size()), 0) << image.path;
        }
    }
}

TEST_F(CacheFileTest, data_is_the_base_content) {
    CacheView view = std::move(CacheView::open(bytes()).value());
    for (const CacheSegmentRecord &segment : view.segments()) {
        if (segment.kind != static_cast<uint32_t>(SegmentKind::Data))
            continue;
        const SegmentChunk *chunk = model->data_segment_at(VMOffset(segment.data_begin));
        ASSERT_NE(chunk, nullptr);
        ByteView stored = view.data(segment);
        ASSERT_EQ(stored.size(), chunk->data.size());
        EXPECT_EQ(std::memcmp(stored.data(), chunk->data.bytes(), stored.size()), 0);
    }
}

TEST_F(CacheFileTest, slide_lists_the_words_that_hold_region_offsets) {
    CacheView view = std::move(CacheView::open(bytes()).value());
    uint64_t count = 0;
    relr_for_each(view.slide(), [&](uint64_t at) {
        uint64_t value = *bytes().at<uint64_t>(at);
        EXPECT_NE(view.image_at(value), nullptr) << std::hex << at << " holds " << value;
        EXPECT_TRUE(model->data_segment_at(VMOffset(at))->data.slides(VMOffset(at)));
        count++;
    });
    EXPECT_GT(count, 500U);
}

TEST_F(CacheFileTest, exports_are_sorted_and_name_what_the_image_defines) {
    CacheView view = std::move(CacheView::open(bytes()).value());
    const CacheExportRecord *previous = nullptr;
    bool printf_found = false;
    for (const CacheExportRecord &symbol : view.exports()) {
        if (previous != nullptr) {
            EXPECT_LE(previous->gnu_hash, symbol.gnu_hash);
        }
        previous = &symbol;
        if (std::string(view.string(symbol.name)) == "printf") {
            printf_found = true;
            EXPECT_EQ(symbol.gnu_hash, 0x156b2bb8U); // from the gABI's example of the function
            EXPECT_STREQ(view.string(symbol.version), "GLIBC_2.2.5");
            EXPECT_STREQ(view.string(view.images()[symbol.image].soname), "libc.so.6");
        }
    }
    EXPECT_TRUE(printf_found);
}

TEST_F(CacheFileTest, equal_inputs_give_an_equal_uuid) {
    CacheModel other;
    write_cache(*directory + "/again", &other);
    EXPECT_EQ(other.main->uuid, model->main->uuid);
}

TEST_F(CacheFileTest, readelf_names_the_library_of_each_section) {
    std::string sections = run_tool({"readelf", "-SW", *path});
    EXPECT_NE(sections.find(".text.libc.so.6"), std::string::npos);
    EXPECT_NE(sections.find(".data.libtypes.so"), std::string::npos);
    EXPECT_NE(sections.find(".symtab"), std::string::npos);
    EXPECT_EQ(sections.find("Warning"), std::string::npos) << sections;
}

TEST_F(CacheFileTest, nm_lists_global_and_local_functions_at_their_region_offsets) {
    std::string symbols = run_tool({"nm", *path});
    char line[64];
    uint64_t base = find_image(*model, "libtypes.so")->base.raw();
    for (const Elf64_Sym &symbol : find_image(*model, "libtypes.so")->elf.symbols)
        if (find_image(*model, "libtypes.so")->elf.name(symbol) == "calls_puts")
            base += symbol.st_value;
    snprintf(line, sizeof line, "%016llx T calls_puts\n", static_cast<unsigned long long>(base));
    EXPECT_NE(symbols.find(line), std::string::npos);
    EXPECT_NE(symbols.find(" t implementation\n"), std::string::npos);
}

TEST_F(CacheFileTest, gdb_names_and_disassembles_a_function) {
    std::string output = run_tool(
        {"gdb", "-nx", "-batch", "-ex", "info symbol calls_puts", "-ex", "disassemble calls_puts", *path});
    EXPECT_NE(output.find("calls_puts in section .text.libtypes.so"), std::string::npos) << output;
    EXPECT_NE(output.find("Dump of assembler code for function calls_puts"), std::string::npos) << output;
    EXPECT_NE(output.find("call"), std::string::npos) << output;
}

TEST_F(CacheFileTest, local_symbols_are_not_mapped) {
    CacheView view = std::move(CacheView::open(bytes()).value());
    std::string_view mapped(reinterpret_cast<const char *>(bytes().data()), view.header().mapped_size);
    EXPECT_EQ(mapped.find(std::string_view("\0implementation", 16)), std::string_view::npos);
}

TEST_F(CacheFileTest, a_flipped_byte_of_the_header_page_is_found) {
    // Bytes of the page that hold neither ELF header nor CacheHeader are covered by the hash as well.
    for (uint64_t at = 0; at < kPageSize; at += at < kCacheHeaderOffset + sizeof(CacheHeader) ? 1 : 37) {
        copy_[at] ^= 0x10;
        EXPECT_FALSE(check().ok()) << at;
        copy_[at] ^= 0x10;
    }
}

TEST_F(CacheFileTest, a_flipped_byte_of_any_part_is_found_in_its_block) {
    CacheView view = std::move(CacheView::open(bytes()).value());
    const CacheHeader header = view.header();
    std::vector<uint64_t> places = {kPageSize,
                                    header.mapped_size - 1,
                                    header.images.offset,
                                    header.segments.offset,
                                    header.strings.offset,
                                    header.exports.offset,
                                    header.slide.offset,
                                    header.file.tree_offset - 1};
    std::mt19937_64 random(1);
    for (int i = 0; i < 40; i++)
        places.push_back(kPageSize + random() % (header.file.tree_offset - kPageSize));
    for (uint64_t at : places) {
        copy_[at] ^= 1;
        Status status = verify_hash_tree(bytes(), kCacheHeaderOffset);
        ASSERT_FALSE(status.ok()) << at;
        EXPECT_LE(status.error().where, at);
        EXPECT_LT(at, status.error().where + kHashBlockSize);
        copy_[at] ^= 1;
    }
}

TEST_F(CacheFileTest, a_flipped_byte_of_the_tree_is_found) {
    uint64_t tree = std::move(CacheView::open(bytes()).value()).header().file.tree_offset;
    for (uint64_t at = tree; at < copy_.size(); at += 101) {
        copy_[at] ^= 0x80;
        EXPECT_FALSE(verify_hash_tree(bytes(), kCacheHeaderOffset).ok()) << at;
        copy_[at] ^= 0x80;
    }
}

TEST_F(CacheFileTest, a_truncated_file_is_refused) {
    for (uint64_t size : {copy_.size() - 1, copy_.size() / 2, size_t(4096), size_t(100), size_t(0)}) {
        copy_.resize(size);
        EXPECT_FALSE(CacheView::open(bytes()).ok()) << size;
    }
}

// Copies a few pages of this program to `target` and expects the errno value; what the message says.
std::string message_of_copy_to(const std::string &target, int code) {
    FileDescriptor from(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    FileDescriptor to(open(target.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    Done copied = copy_range(NamedFile{from.get(), "SOURCE"}, 0, NamedFile{to.get(), target}, 0, 1 << 16);
    EXPECT_FALSE(copied.ok());
    EXPECT_EQ(copied.ok() ? 0 : copied.error().code, code);
    EXPECT_EQ(copied.ok() ? "" : copied.error().file, target);
    return copied.ok() ? "" : copied.error().message();
}

TEST(CopyRangeTest, blames_the_target_for_what_it_cannot_take) {
    std::string directory = make_temporary_directory();
    // A device: by read and write. A file with a limit: inside the kernel.
    EXPECT_THAT(message_of_copy_to("/dev/full", ENOSPC), ::testing::HasSubstr("cannot be written: No space"));
    struct rlimit before, limit;
    ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = {4096, before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
    std::string message = message_of_copy_to(directory + "/file", EFBIG);
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
    EXPECT_THAT(message, ::testing::HasSubstr("File too large"));
    std::filesystem::remove_all(directory);
}

TEST(CopyRangeTest, blames_the_source_for_what_it_cannot_give) {
    FileDescriptor to = unnamed_file(), from(open("/proc/self/mem", O_RDONLY | O_CLOEXEC)); // unmapped at 0
    Done copied = copy_range(NamedFile{from.get(), "SOURCE"}, 0, NamedFile{to.get(), "TARGET"}, 0, 4096);
    ASSERT_FALSE(copied.ok());
    EXPECT_EQ(copied.error().file, "SOURCE") << copied.error().message();
}

TEST(TemporaryFileTest, appears_under_its_name_only_when_committed) {
    std::string directory = make_temporary_directory(), name = directory + "/file";
    {
        auto file = TemporaryFile::create(name);
        ASSERT_TRUE(file.ok());
        EXPECT_FALSE(std::filesystem::exists(name));
    }
    EXPECT_TRUE(std::filesystem::is_empty(directory));
    auto file = TemporaryFile::create(name);
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE(file.value().commit().ok());
    EXPECT_TRUE(std::filesystem::exists(name));
    std::filesystem::remove_all(directory);
}

} // namespace
} // namespace sharedregion::testing
