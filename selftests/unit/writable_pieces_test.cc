// SPDX-License-Identifier: GPL-2.0-or-later
// What a set asks the kernel's region for, and how the region file names it.
#include "daemon/activation/region_writer.h"
#include "daemon/activation/writable_pieces.h"
#include "daemon/files/directory.h"
#include "selftests/unit/synthetic_generation.h"

#include <cstdlib>
#include <fcntl.h>
#include <gtest/gtest.h>

using namespace sharedregion;

namespace {

constexpr OwnArea kOwn = {kSynHeap, kSynRegion};

// A generation with one program, in a directory of its own.
class pieces : public testing::Test {
  protected:
    void SetUp() override {
        char name[] = "/dev/shm/pieces-test-XXXXXX";
        ASSERT_NE(mkdtemp(name), nullptr);
        root_ = name;
        for (const char *file : {"library", "program", "ld.so"})
            ASSERT_TRUE(write_file(root_ + "/" + file, file, strlen(file)));
        SyntheticGeneration synthetic;
        synthetic.library = root_ + "/library";
        synthetic.loader_path = root_ + "/ld.so";
        synthetic.programs = {{root_ + "/program", 0x1111, {}, ""}};
        ASSERT_TRUE(write_synthetic_generation(synthetic, root_ + "/generation"));
        Outcome<Generation> opened = Generation::open(root_ + "/generation");
        ASSERT_TRUE(opened.ok()) << opened.error().message();
        generation_.emplace(std::move(opened.value()));
        ByteView blob = generation_->sets().blob(generation_->sets().programs()[0]);
        blob_.assign(blob.data(), blob.data() + blob.size());
        blob_copy_.resize(blob_.size() / 8);
    }
    void TearDown() override { (void)remove_tree(AT_FDCWD, root_, root_); }

    SetHeader &header() { return *reinterpret_cast<SetHeader *>(blob_.data()); }
    // The set as the blob has it now (in memory that is aligned).
    std::vector<WritablePiece> pieces_of(const OwnArea &own) {
        std::memcpy(blob_copy_.data(), blob_.data(), blob_.size());
        Result<SetView> view = SetView::open(ByteView(blob_copy_.data(), blob_.size()));
        EXPECT_TRUE(view.ok());
        return view.ok() ? writable_pieces(view.value(), own) : std::vector<WritablePiece>();
    }

    std::string root_;
    std::optional<Generation> generation_;
    std::vector<unsigned char> blob_;
    std::vector<uint64_t> blob_copy_;
};

void expect_piece(const std::vector<WritablePiece> &found, uint64_t begin, uint64_t end) {
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].page, begin / kPageSize);
    EXPECT_EQ(found[0].count, (end - begin) / kPageSize);
}

TEST_F(pieces, hold_relro_that_the_set_writes) { // a fixup in its only page
    expect_piece(pieces_of(kOwn), kSynData, kSynData + kSynDataSize);
}

TEST_F(pieces, leave_out_relro_that_the_set_does_not_write) {
    header().fixups.count = 0;
    expect_piece(pieces_of(kOwn), kSynData + kPageSize, kSynData + kSynDataSize);
}

TEST_F(pieces, leave_out_only_what_lies_before_the_first_page_that_is_written) {
    header().fixups.count = 0;
    auto *protect = reinterpret_cast<SetProtect *>(&blob_[header().protects.offset]);
    protect->size = 3 * kPageSize; // an operation writes the second page of it
    expect_piece(pieces_of(kOwn), kSynData + kPageSize, kSynData + kSynDataSize);
}

TEST_F(pieces, are_none_where_all_of_it_is_relro_that_stays) {
    header().fixups.count = 0;
    header().page_ops.count = 0;
    auto *protect = reinterpret_cast<SetProtect *>(&blob_[header().protects.offset]);
    protect->size = kSynDataSize;
    EXPECT_TRUE(pieces_of(kOwn).empty());
}

TEST_F(pieces, hold_zero_pages_behind_the_data) {
    auto *map = reinterpret_cast<SetDataMap *>(&blob_[header().data_maps.offset]);
    map->anon_size = 5 * kPageSize;
    expect_piece(pieces_of(kOwn), kSynData, kSynData + kSynDataSize + 5 * kPageSize);
}

TEST_F(pieces, are_none_in_what_each_process_maps_itself) {
    EXPECT_TRUE(pieces_of({0, kSynRegion}).empty());
}

// The region file that write_region() makes, and the slot of the only program.
struct WrittenRegion {
    std::vector<unsigned char> bytes;
    const RegionHeader &header() const { return *reinterpret_cast<const RegionHeader *>(bytes.data()); }
    const RegionIndexSlot *slot() const {
        const auto *slots = reinterpret_cast<const RegionIndexSlot *>(&bytes[header().index.offset]);
        for (uint64_t i = 0; i < header().index.size; i++)
            if (slots[i].key == 0x1111)
                return &slots[i];
        return nullptr;
    }
};

WrittenRegion write_it(const Generation &generation, const std::string &path, bool in_kernel) {
    Outcome<SetView> set = generation.set(generation.sets().programs()[0]);
    RegionPlan plan = {&generation, {set.value()}, {0x1111}, "/cache", {{1}}, VMAddress(0x660000000000),
                       in_kernel};
    UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT, 0600));
    EXPECT_TRUE(write_region(plan, fd.get(), path).ok());
    return {read_whole_file(path)};
}

TEST_F(pieces, lie_where_the_index_says) {
    WrittenRegion region = write_it(*generation_, root_ + "/region", true);
    ASSERT_NE(region.slot(), nullptr);
    EXPECT_EQ(region.header().flags, kRegionInKernel); // the synthetic sets are of no kernel's vDSO
    EXPECT_EQ(region.header().pieces.size, region.slot()->piece_count);
    EXPECT_EQ(region.header().pieces.offset, region.slot()->pieces);
    // the only data of this generation lie before its heap, and so are each process's own
    EXPECT_EQ(region.slot()->piece_count, 0U);
    EXPECT_EQ(region.header().own_begin, 0U);
    EXPECT_EQ(region.header().own_end, kLargePageSize);
}

TEST_F(pieces, are_not_named_without_a_region_in_the_kernel) {
    WrittenRegion region = write_it(*generation_, root_ + "/region", false);
    ASSERT_NE(region.slot(), nullptr);
    EXPECT_EQ(region.header().flags, 0U);
    EXPECT_EQ(region.slot()->piece_count, 0U);
}

} // namespace
