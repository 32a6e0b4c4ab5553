// SPDX-License-Identifier: GPL-2.0-or-later
// Blobs and the file `sets`: what is written is read back, what is damaged is refused.
#include "builder/sets/sets.h"

#include "selftests/unit/capture_support.h"
#include "sharedregion/hash_tree.h"
#include "sharedregion/set_view.h"

#include <cstdlib>
#include <cstring>
#include <gtest/gtest.h>
#include <unistd.h>

using namespace sharedregion;

namespace {

constexpr uint64_t kImage = 0x100000, kHeap = 0x400000;
constexpr SetLimits kLimits = {0x20000, kHeap, kHeap, 0x10000, kHeap + 0x10000, 1};

// One image whose 16 data pages from `begin` on hold zero, but for a slid word at 0x1008 from there.
class OneImage : public BaseContent {
  public:
    explicit OneImage(uint64_t begin = kImage) : begin_(begin) {}
    const std::byte *page(VMOffset offset) const override {
        return offset.raw() >= begin_ && offset.raw() < begin_ + sizeof pages_
                   ? pages_ + (offset.raw() - begin_)
                   : nullptr;
    }
    bool slides(VMOffset offset) const override { return offset.raw() == begin_ + 0x1008; }

  private:
    uint64_t begin_;
    std::byte pages_[16 * kPageSize] = {};
};

CacheLayout layout() {
    CacheLayout layout;
    layout.images.push_back(ImageDataMaps{"/lib/one.so",
                                          FileIdentity{1, 2, 3, 4, 5},
                                          {SetDataMap{kImage, 0x10000, 0x2000, 0}},
                                          VMOffset(0x112000)});
    layout.heap_offset = VMOffset(kHeap);
    layout.loader_end = VMOffset(0x3000);
    return layout;
}

CapturedPage page(Space space, uint64_t offset, int fill, std::vector<uint16_t> slide = {}) {
    return CapturedPage{space, offset, std::vector<std::byte>(kPageSize, static_cast<std::byte>(fill)),
                        slide};
}

ProgramCapture program() {
    ProgramCapture capture;
    capture.path = "/bin/program";
    capture.identity = FileIdentity{6, 7, 8, 9, 10};
    capture.build_id = BuildId{8, {1, 2, 3, 4, 5, 6, 7, 8}};
    capture.phdr_hash = 77;
    capture.path_dependent = true;
    capture.order = kOrderRegionAboveProgram;
    capture.images = {0};
    capture.absent = {"/opt/lib", "/opt/lib2"};
    capture.pages = {page(Space::Region, kImage, 1, {8, 16}), page(Space::Region, kHeap + 0x1000, 2, {0}),
                     page(Space::Program, 0x3000, 3), page(Space::Program, 0x33000, 4)};
    capture.fixups[{Space::Region, FixupClass::Loader}] = {kImage + 0x20, kImage + 0x28, kImage + 0x3000};
    capture.fixups[{Space::Program, FixupClass::ArgumentCount}] = {0x33004};
    capture.protects = {SetProtect{0, 1, kImage, 0x1000}};
    capture.heap_used = VMSize(0x3000);
    capture.fs_base = capture.tid_address = capture.robust_list = VMOffset(kHeap + 0x100);
    capture.resume = VMOffset(0x1ab78);
    return capture;
}

std::vector<std::byte> blob_of(const ProgramCapture &capture) {
    return build_set_blob(capture, layout(), OneImage());
}

Result<SetView> open(const std::vector<std::byte> &blob) {
    return SetView::open(ByteView(blob.data(), blob.size()));
}

const SetPageOp *op_at(const SetView &set, Space space, uint64_t offset) {
    for (const SetPageOp &op : set.page_ops())
        if (op.space == static_cast<uint32_t>(space) && op.offset == offset)
            return &op;
    return nullptr;
}

TEST(set_blob, gives_back_what_was_captured) {
    std::vector<std::byte> blob = blob_of(program());
    auto opened = open(blob);
    ASSERT_TRUE(opened.ok()) << opened.error().what;
    const SetView &set = opened.value();
    EXPECT_TRUE(set.check_words(kLimits).ok());
    EXPECT_STREQ(set.path(), "/bin/program");
    EXPECT_EQ(set.header().key, 0x0807060504030201U);
    EXPECT_EQ(set.header().flags, kSetHasBuildId | kSetPathDependent);
    EXPECT_EQ(set.header().text_size, 0x112000U);
    ASSERT_EQ(set.dependencies().size(), 1U);
    EXPECT_STREQ(set.string(set.dependencies()[0].path), "/lib/one.so");
    ASSERT_EQ(set.absent().size(), 2U);
    EXPECT_STREQ(set.string(set.absent()[1]), "/opt/lib2");
    ASSERT_EQ(set.data_maps().size(), 1U);
    EXPECT_EQ(set.data_maps()[0].anon_size, 0x2000U);
    ASSERT_EQ(set.protects().size(), 1U);
}

TEST(set_blob, names_a_library_by_the_path_that_ld_so_used) {
    ProgramCapture capture = program();
    capture.opened = {"/lib/link.so"};
    auto blob = blob_of(capture);
    auto opened = open(blob);
    ASSERT_TRUE(opened.ok());
    EXPECT_STREQ(opened.value().string(opened.value().dependencies()[0].path), "/lib/link.so");
}

TEST(set_blob, lists_the_words_of_each_class) {
    std::vector<std::byte> blob = blob_of(program());
    auto opened = open(blob);
    ASSERT_TRUE(opened.ok());
    ASSERT_EQ(opened.value().fixups().size(), 2U);
    std::vector<uint64_t> words;
    for (const SetFixupList &list : opened.value().fixups())
        opened.value().for_each_word(list, [&](uint64_t at) { words.push_back(at); });
    EXPECT_EQ(words, (std::vector<uint64_t>{kImage + 0x20, kImage + 0x28, kImage + 0x3000, 0x33004}));
}

TEST(set_blob, lists_slid_words_by_their_place_in_the_blob) {
    std::vector<std::byte> blob = blob_of(program());
    auto opened = open(blob);
    ASSERT_TRUE(opened.ok());
    const SetPageOp *data = op_at(opened.value(), Space::Region, kImage);
    const SetPageOp *heap = op_at(opened.value(), Space::Region, kHeap);
    ASSERT_TRUE(data != nullptr && heap != nullptr);
    std::vector<uint64_t> words;
    relr_for_each(opened.value().slide(), [&](uint64_t at) { words.push_back(at); });
    EXPECT_EQ(words, (std::vector<uint64_t>{data->blob_offset + 8, data->blob_offset + 16,
                                            heap->blob_offset + 0x1000}));
}

TEST(set_blob, maps_the_whole_heap_at_once_with_its_zero_pages) {
    std::vector<std::byte> blob = blob_of(program());
    auto opened = open(blob);
    ASSERT_TRUE(opened.ok());
    const SetPageOp *heap = op_at(opened.value(), Space::Region, kHeap);
    ASSERT_NE(heap, nullptr);
    EXPECT_EQ(heap->kind, static_cast<uint32_t>(PageOpKind::Map));
    EXPECT_EQ(heap->size, 0x3000U);
    EXPECT_EQ(opened.value().pages(*heap).data()[0], 0);
    EXPECT_EQ(opened.value().pages(*heap).data()[0x1000], 2);
}

TEST(set_blob, leaves_out_pages_that_equal_the_base_content) {
    ProgramCapture capture = program();
    capture.pages = {page(Space::Region, kImage, 0), page(Space::Region, kImage + 0x1000, 0, {8})};
    auto blob = blob_of(capture);
    auto opened = open(blob);
    ASSERT_TRUE(opened.ok());
    EXPECT_EQ(op_at(opened.value(), Space::Region, kImage), nullptr);
    EXPECT_EQ(op_at(opened.value(), Space::Region, kImage + 0x1000), nullptr);
}

TEST(set_blob, keeps_a_page_whose_slid_words_alone_differ_from_the_base) {
    ProgramCapture capture = program();
    capture.pages = {page(Space::Region, kImage, 0, {8}), page(Space::Region, kImage + 0x1000, 0)};
    auto blob = blob_of(capture);
    auto opened = open(blob);
    ASSERT_TRUE(opened.ok());
    const SetPageOp *op = op_at(opened.value(), Space::Region, kImage);
    ASSERT_NE(op, nullptr);
    EXPECT_EQ(op->size, 0x2000U);
}

TEST(set_blob, maps_long_runs_and_copies_short_ones) {
    ProgramCapture capture = program();
    capture.pages.clear();
    for (uint64_t i = 0; i < 4; i++)
        capture.pages.push_back(page(Space::Region, kImage + i * kPageSize, 5));
    for (uint64_t i = 6; i < 9; i++)
        capture.pages.push_back(page(Space::Region, kImage + i * kPageSize, 5));
    for (uint64_t i = 0; i < 20; i++)
        capture.pages.push_back(page(Space::Program, i * kPageSize, 5));
    auto blob = blob_of(capture);
    auto opened = open(blob);
    ASSERT_TRUE(opened.ok());
    auto kind = [&](Space space, uint64_t offset) {
        const SetPageOp *op = op_at(opened.value(), space, offset);
        return op != nullptr ? static_cast<int>(op->kind) : -1;
    };
    EXPECT_EQ(kind(Space::Region, kImage), static_cast<int>(PageOpKind::Map));
    EXPECT_EQ(kind(Space::Region, kImage + 6 * kPageSize), static_cast<int>(PageOpKind::Copy));
    EXPECT_EQ(kind(Space::Program, 0), static_cast<int>(PageOpKind::Copy));
}

// The image's data is 16 pages with bss behind: only without it can one mapping bring all.
CacheLayout layout_without_bss() {
    CacheLayout changed = layout();
    changed.images[0].maps[0].anon_size = 0;
    return changed;
}

TEST(set_blob, maps_data_as_a_whole_where_half_of_it_differs) {
    ProgramCapture capture = program();
    capture.pages.clear();
    for (uint64_t i = 0; i < 8; i++)
        capture.pages.push_back(page(Space::Region, kImage + 2 * i * kPageSize, 5));
    auto blob = build_set_blob(capture, layout_without_bss(), OneImage());
    auto opened = open(blob);
    ASSERT_TRUE(opened.ok());
    const SetPageOp *op = op_at(opened.value(), Space::Region, kImage);
    ASSERT_NE(op, nullptr);
    EXPECT_EQ(op->kind, static_cast<uint32_t>(PageOpKind::Map));
    EXPECT_EQ(op->size, 16 * kPageSize);
    EXPECT_EQ(opened.value().pages(*op).data()[2 * kPageSize], 5);
    EXPECT_EQ(opened.value().pages(*op).data()[3 * kPageSize], 0) << "base content";
    // The base's slid word is in the run now.
    uint64_t slid = 0;
    relr_for_each(opened.value().slide(), [&](uint64_t at) { slid += at == op->blob_offset + 0x1008; });
    EXPECT_EQ(slid, 1U);
    EXPECT_EQ(opened.value().data_maps()[0].data_offset, kMappedByPages);
    EXPECT_TRUE(opened.value().check_words(kLimits).ok());
}

TEST(set_blob, maps_data_and_the_heap_behind_it_at_once) {
    CacheLayout neighbours = layout_without_bss();
    neighbours.images[0].maps[0] = SetDataMap{kHeap - 4 * kPageSize, 4 * kPageSize, 0, 0};
    neighbours.loader = 0;
    ProgramCapture capture = program();
    capture.fixups.clear();
    capture.protects.clear();
    capture.pages = {page(Space::Region, kHeap - 3 * kPageSize, 6), page(Space::Region, kHeap + 0x1000, 2)};
    auto blob = build_set_blob(capture, neighbours, OneImage(kHeap - 4 * kPageSize));
    auto opened = open(blob);
    ASSERT_TRUE(opened.ok());
    ASSERT_EQ(opened.value().page_ops().size(), 1U);
    const SetPageOp &op = opened.value().page_ops()[0];
    EXPECT_EQ(op.offset, kHeap - 4 * kPageSize);
    EXPECT_EQ(op.size, 7 * kPageSize);
    EXPECT_EQ(opened.value().pages(op).data()[kPageSize], 6);
    EXPECT_EQ(opened.value().pages(op).data()[5 * kPageSize], 2);
    EXPECT_TRUE(opened.value().dependencies().empty()) << "ld.so is compared in another way";
    SetLimits limits = kLimits;
    limits.mapped_size = limits.heap_offset;
    EXPECT_TRUE(opened.value().check_words(limits).ok());
}

// A page with no word to slide, and one with all: the slide list's size must not depend on where the
// pages come to lie.
TEST(set_blob, survives_many_slid_words) {
    ProgramCapture capture = program();
    std::vector<uint16_t> all;
    for (unsigned at = 0; at < kPageSize; at += 8)
        all.push_back(static_cast<uint16_t>(at));
    capture.pages = {page(Space::Region, kImage, 1, all), page(Space::Region, kImage + 0x2000, 1, all)};
    auto blob = blob_of(capture);
    auto opened = open(blob);
    ASSERT_TRUE(opened.ok());
    uint64_t count = 0;
    relr_for_each(opened.value().slide(), [&](uint64_t at) {
        count++;
        EXPECT_EQ(static_cast<int>(blob[at]), 1);
    });
    EXPECT_EQ(count, 2 * kPageSize / 8);
}

class DamagedBlob : public testing::Test {
  protected:
    std::vector<std::byte> blob_ = blob_of(program());
    SetHeader *header() { return reinterpret_cast<SetHeader *>(blob_.data()); }
    template <class T> T *record(const Table &table) {
        return reinterpret_cast<T *>(blob_.data() + table.offset);
    }
    bool refused() { return !open(blob_).ok(); }
    bool words_refused() {
        auto opened = open(blob_);
        return opened.ok() && !opened.value().check_words(kLimits).ok();
    }
};

#define DAMAGED(name, change)                                                                                \
    TEST_F(DamagedBlob, name) {                                                                              \
        change;                                                                                              \
        EXPECT_TRUE(refused());                                                                              \
    }
DAMAGED(is_refused_with_wrong_magic, header()->magic++)
DAMAGED(is_refused_with_another_version, header()->version++)
DAMAGED(is_refused_with_a_size_beyond_its_bytes, header()->size += kPageSize)
DAMAGED(is_refused_with_a_size_that_is_no_page, header()->size -= 8)
DAMAGED(is_refused_with_metadata_beyond_its_size, header()->metadata_size = header()->size + 1)
DAMAGED(is_refused_without_metadata, header()->metadata_size = sizeof(SetHeader))
DAMAGED(is_refused_when_strings_do_not_end, blob_[header()->metadata_size - 1] = std::byte(1))
DAMAGED(is_refused_with_a_path_outside, header()->path = static_cast<uint32_t>(header()->metadata_size))
DAMAGED(is_refused_with_a_long_build_id, header()->build_id.size = 32)
DAMAGED(is_refused_without_a_place_to_resume, header()->resume = 0)
DAMAGED(is_refused_with_an_unaligned_text_size, header()->text_size++)
DAMAGED(is_refused_with_an_unaligned_heap_size, header()->heap_size++)
DAMAGED(is_refused_with_dependencies_outside, header()->dependencies.offset = 0xfffffff8)
DAMAGED(is_refused_with_too_many_absent_paths, header()->absent.count = 1U << 30)
DAMAGED(is_refused_with_unaligned_data_maps, header()->data_maps.offset += 4)
DAMAGED(is_refused_with_page_ops_over_the_header, header()->page_ops.offset = 8)
DAMAGED(is_refused_with_an_unknown_page_op, record<SetPageOp>(header()->page_ops)->kind = 2)
DAMAGED(is_refused_with_an_unknown_space, record<SetPageOp>(header()->page_ops)->space = 3)
DAMAGED(is_refused_with_pages_outside, record<SetPageOp>(header()->page_ops)->blob_offset = header()->size)
DAMAGED(is_refused_with_pages_over_metadata, record<SetPageOp>(header()->page_ops)->blob_offset = 0)
DAMAGED(is_refused_with_an_unaligned_target, record<SetPageOp>(header()->page_ops)->offset++)
DAMAGED(is_refused_with_an_empty_page_op, record<SetPageOp>(header()->page_ops)->size = 0)
DAMAGED(is_refused_with_overlapping_data_maps, record<SetDataMap>(header()->data_maps)->offset = ~0xfffULL)
DAMAGED(is_refused_with_region_fixups, record<SetFixupList>(header()->fixups)->fixup_class = 0)
DAMAGED(is_refused_with_an_unknown_class, record<SetFixupList>(header()->fixups)->fixup_class = 16)
DAMAGED(is_refused_with_fixup_words_outside, record<SetFixupList>(header()->fixups)->words.count = 1U << 28)
DAMAGED(is_refused_with_an_unaligned_protect, record<SetProtect>(header()->protects)->size = 5)
DAMAGED(is_refused_with_unknown_protection_bits, record<SetProtect>(header()->protects)->protection = 8)
DAMAGED(is_refused_with_a_dependency_without_path, record<SetDependency>(header()->dependencies)->path = 0)
#undef DAMAGED

#define DAMAGED_WORDS(name, change)                                                                          \
    TEST_F(DamagedBlob, name) {                                                                              \
        ASSERT_FALSE(words_refused());                                                                       \
        change;                                                                                              \
        EXPECT_TRUE(words_refused());                                                                        \
    }
DAMAGED_WORDS(words_outside_data_are_refused,
              *record<uint64_t>(record<SetFixupList>(header()->fixups)->words) = kImage - 0x10000)
DAMAGED_WORDS(slid_words_outside_pages_are_refused, *record<uint64_t>(header()->slide) = 8)
DAMAGED_WORDS(data_maps_outside_the_region_are_refused,
              record<SetDataMap>(header()->data_maps)->size += kHeap)
DAMAGED_WORDS(data_outside_the_data_area_is_refused,
              record<SetDataMap>(header()->data_maps)->data_offset = kLimits.data_size)
DAMAGED_WORDS(pages_outside_data_are_refused, record<SetPageOp>(header()->page_ops)->offset = 0x1000)
DAMAGED_WORDS(protections_outside_data_are_refused, record<SetProtect>(header()->protects)->offset = 0x1000)
DAMAGED_WORDS(unknown_images_are_refused, record<SetDependency>(header()->dependencies)->image = 1)
DAMAGED_WORDS(thread_data_outside_data_is_refused, header()->fs_base = 0x1000)
DAMAGED_WORDS(too_large_a_heap_is_refused, header()->heap_size = 0x11000)
DAMAGED_WORDS(too_much_text_is_refused, header()->text_size = kHeap + 0x1000)
#undef DAMAGED_WORDS

TEST(set_blob, of_a_truncated_file_is_refused_at_every_length) {
    std::vector<std::byte> blob = blob_of(program());
    for (size_t size = 0; size < blob.size(); size += 8)
        EXPECT_FALSE(SetView::open(ByteView(blob.data(), size)).ok()) << size;
}

class SetsFile : public testing::Test {
  protected:
    void SetUp() override {
        char name[] = "/tmp/sets_test.XXXXXX";
        ASSERT_NE(mkdtemp(name), nullptr);
        directory_ = name;
        path_ = directory_ + "/sets";
    }
    void TearDown() override {
        unlink(path_.c_str());
        rmdir(directory_.c_str());
    }
    std::vector<std::byte> write(std::vector<ProgramOutcome> outcomes) {
        Uuid uuid = {{1, 2, 3}};
        Environment environment = {};
        environment.hwcap = 42;
        Done done = write_sets_file(path_, uuid, environment, test::kLoader, std::move(outcomes));
        EXPECT_TRUE(done.ok());
        FILE *file = fopen(path_.c_str(), "rb");
        std::vector<std::byte> bytes(1 << 20);
        bytes.resize(file != nullptr ? fread(bytes.data(), 1, bytes.size(), file) : 0);
        if (file != nullptr)
            fclose(file);
        return bytes;
    }
    static std::vector<ProgramOutcome> outcomes() {
        std::vector<ProgramOutcome> list(2);
        list[0].path = "/bin/program";
        list[0].key = 99;
        list[0].blob = blob_of(program());
        list[1].path = "/bin/other";
        list[1].rejection = Rejection{"setuid", "set-user-ID bit"};
        return list;
    }
    std::string directory_, path_;
};

TEST_F(SetsFile, gives_back_sets_and_rejections_sorted_by_path) {
    std::vector<std::byte> bytes = write(outcomes());
    ByteView view(bytes.data(), bytes.size());
    auto opened = SetsView::open(view);
    ASSERT_TRUE(opened.ok()) << opened.error().what;
    const SetsView &sets = opened.value();
    EXPECT_TRUE(verify_hash_tree(view, 0).ok());
    EXPECT_STREQ(sets.loader_path(), test::kLoader);
    EXPECT_EQ(sets.header().environment.hwcap, 42U);
    ASSERT_EQ(sets.programs().size(), 2U);
    EXPECT_STREQ(sets.string(sets.programs()[0].path), "/bin/other");
    const SetProgramRecord *rejected = sets.find("/bin/other"), *captured = sets.find("/bin/program");
    ASSERT_TRUE(rejected != nullptr && captured != nullptr);
    EXPECT_FALSE(SetsView::captured(*rejected));
    EXPECT_STREQ(sets.string(rejected->reason), "setuid");
    EXPECT_EQ(captured->key, 99U);
    auto set = sets.set(*captured);
    ASSERT_TRUE(set.ok());
    EXPECT_STREQ(set.value().path(), "/bin/program");
    EXPECT_EQ(sets.find("/bin/none"), nullptr);
}

TEST_F(SetsFile, can_be_empty) {
    std::vector<std::byte> bytes = write({});
    auto opened = SetsView::open(ByteView(bytes.data(), bytes.size()));
    ASSERT_TRUE(opened.ok()) << opened.error().what;
    EXPECT_EQ(opened.value().programs().size(), 0U);
}

TEST_F(SetsFile, holds_a_program_that_was_named_twice_once) {
    std::vector<ProgramOutcome> twice = outcomes();
    twice[1].path = twice[0].path;
    std::vector<std::byte> bytes = write(std::move(twice));
    auto opened = SetsView::open(ByteView(bytes.data(), bytes.size()));
    ASSERT_TRUE(opened.ok()) << opened.error().what;
    EXPECT_EQ(opened.value().programs().size(), 1U);
}

TEST_F(SetsFile, with_any_byte_flipped_is_refused) {
    std::vector<std::byte> bytes = write(outcomes());
    for (size_t at = 0; at < bytes.size(); at += at < 8192 ? 1 : 61) {
        bytes[at] ^= std::byte(0x10);
        ByteView view(bytes.data(), bytes.size());
        bool accepted = SetsView::open(view).ok() && verify_hash_tree(view, 0).ok();
        EXPECT_FALSE(accepted) << "byte " << at;
        bytes[at] ^= std::byte(0x10);
    }
}

TEST_F(SetsFile, that_is_truncated_is_refused) {
    std::vector<std::byte> bytes = write(outcomes());
    for (size_t size = 0; size < bytes.size(); size += 509)
        EXPECT_FALSE(SetsView::open(ByteView(bytes.data(), size)).ok()) << size;
}

TEST_F(SetsFile, of_a_real_program_reads_back_word_for_word) {
    std::string path = test::find_command("ls");
    auto plan = test::make_plan({path});
    auto captured = capture_program(CaptureRequest{path, test::kLoader}, plan->plan, plan->base);
    ASSERT_TRUE(captured.ok()) << captured.error().reason;
    CacheLayout real;
    for (const PlannedImage &image : plan->plan.images)
        real.images.push_back(
            ImageDataMaps{image.path,
                          image.identity,
                          {SetDataMap{image.base.raw(), align_up(image.size.raw(), 4096), 0, 0}},
                          VMOffset(image.base.raw() + image.size.raw())});
    real.heap_offset = plan->plan.heap_offset;
    std::vector<std::byte> blob = build_set_blob(captured.value(), real, plan->base);
    auto opened = open(blob);
    ASSERT_TRUE(opened.ok()) << opened.error().what;
    uint64_t end = plan->plan.heap_offset.raw(), heap = plan->plan.heap_size.raw();
    auto words = opened.value().check_words(SetLimits{end, end, end, heap, plan->plan.region_size.raw(), 0});
    EXPECT_TRUE(words.ok()) << words.error().what;
    uint64_t stored = 0;
    for (const CapturedPage &page : captured.value().pages)
        for (const SetPageOp &op : opened.value().page_ops())
            if (op.space == static_cast<uint32_t>(page.space) && page.offset >= op.offset &&
                page.offset - op.offset < op.size)
                stored += memcmp(opened.value().pages(op).data() + (page.offset - op.offset),
                                 page.content.data(), kPageSize) == 0;
    EXPECT_EQ(stored, captured.value().pages.size());
}

} // namespace
