// SPDX-License-Identifier: GPL-2.0-or-later
// What holds of every layout.
#include "builder/phases/slot_layout.h"
#include "selftests/unit/model_of_programs.h"

#include <gtest/gtest.h>
#include <set>

namespace sharedregion::testing {
namespace {

// Bytes of an image before its data.
uint64_t text_size(const CacheImage &image) {
    for (const SegmentChunk &chunk : image.segments)
        if (chunk.segment_kind == SegmentKind::Data)
            return chunk.vm_offset.raw() - image.base.raw();
    return image.size.raw();
}

class LayoutTest : public ::testing::Test {
  protected:
    void SetUp() override {
        ASSERT_TRUE(make_model({binder_fixture("dump_layout"), binder_fixture("dump_scope"),
                                binder_fixture("dump_system"), "/bin/ls"},
                               true, &model_));
        for (const CacheProgram &program : model_.programs)
            ASSERT_FALSE(program.rejection) << program.path << ": " << program.rejection->detail;
    }
    template <class Visit> void for_each_data(Visit visit) {
        for (const CacheImage &image : model_.images)
            for (const SegmentChunk &chunk : image.segments)
                if (chunk.segment_kind == SegmentKind::Data)
                    visit(image, chunk);
    }
    CacheModel model_;
};

TEST_F(LayoutTest, images_follow_each_other_without_overlap) {
    VMOffset end = model_.main->loader.vm_offset + model_.main->loader.vm_size;
    for (const CacheImage &image : model_.images) {
        EXPECT_GE(image.base, end) << image.path;
        EXPECT_TRUE(is_aligned(image.size.raw(), kPageSize));
        end = image.base + image.size;
    }
    EXPECT_EQ(end.raw(), model_.mapped_size.raw());
}

TEST_F(LayoutTest, bases_honour_the_alignment_of_segments) {
    EXPECT_EQ(find_image(model_, "libaligned.so")->elf.segments[0].align, 0x200000U);
    for (const CacheImage &image : model_.images)
        for (const ElfSegment &segment : image.elf.segments)
            EXPECT_TRUE(is_aligned(image.base.raw(), segment.align)) << image.path;
}

// Among the images of one kind, those with slots of their own and the small ones; and small ones only as
// far as they find room in earlier gaps.
TEST_F(LayoutTest, images_that_more_programs_use_come_first) {
    uint64_t uses = model_.programs.size();
    for (const CacheImage &image : model_.images)
        if (text_size(image) >= SlotLayout::kOwnSlots) {
            EXPECT_LE(image.uses, uses) << image.path;
            uses = image.uses;
        }
    EXPECT_EQ(model_.images[0].soname, "ld-linux-x86-64.so.2");
    EXPECT_EQ(model_.images[1].soname, "libc.so.6");
    EXPECT_EQ(model_.images[0].uses, model_.programs.size());
}

TEST_F(LayoutTest, slots_of_large_images_hold_no_data) {
    std::set<uint64_t> with_data;
    for_each_data([&](const CacheImage &, const SegmentChunk &chunk) {
        uint64_t end = chunk.vm_offset.raw() + chunk.vm_size.raw();
        for (uint64_t at = align_down(chunk.vm_offset.raw(), kLargePageSize); at < end; at += kLargePageSize)
            with_data.insert(at);
    });
    for (const CacheImage &image : model_.images) {
        // One that asks for 2 MiB is where it wants to be.
        if (text_size(image) < SlotLayout::kOwnSlots || image.elf.segments[0].align >= kLargePageSize)
            continue;
        uint64_t text_end = image.base.raw() + text_size(image);
        for (uint64_t at = align_down(image.base.raw(), kLargePageSize); at + SlotLayout::kSpill < text_end;
             at += kLargePageSize)
            EXPECT_EQ(with_data.count(at), 0U) << image.path << " at " << at - image.base.raw();
    }
}

TEST_F(LayoutTest, the_text_of_ld_so_lies_in_one_slot_with_header_and_second_stage) {
    const CacheImage &loader = model_.images[model_.loader];
    EXPECT_EQ(loader.base.raw() + text_size(loader), kLargePageSize);
}

TEST_F(LayoutTest, the_text_of_libc_lies_in_one_slot) {
    const CacheImage &libc = *find_image(model_, "libc.so.6");
    EXPECT_LT(text_size(libc), kLargePageSize);
    EXPECT_TRUE(is_aligned(libc.base.raw() + text_size(libc), kLargePageSize));
}

TEST_F(LayoutTest, segments_keep_their_place_in_the_image) {
    for (const CacheImage &image : model_.images)
        for (const SegmentChunk &chunk : image.segments) {
            EXPECT_EQ(chunk.vm_offset.raw(), image.base.raw() + align_down(chunk.elf.vaddr, kPageSize));
            EXPECT_EQ(chunk.file_offset.raw(), chunk.vm_offset.raw());
        }
}

TEST_F(LayoutTest, the_data_area_is_compact) {
    uint64_t next = 0;
    for_each_data([&](const CacheImage &, const SegmentChunk &chunk) {
        EXPECT_EQ(chunk.data_offset, next);
        next += chunk.data.size();
    });
    EXPECT_EQ(next, model_.data_size);
}

TEST_F(LayoutTest, data_covers_file_part_and_bss) {
    for_each_data([&](const CacheImage &image, const SegmentChunk &chunk) {
        uint64_t end = image.base.raw() + align_up(chunk.elf.vaddr + chunk.elf.mem_size, kPageSize);
        EXPECT_EQ(chunk.data.begin().raw() + chunk.data.size() + chunk.anonymous.raw(), end) << image.path;
        EXPECT_EQ(chunk.data.begin(), chunk.vm_offset);
    });
}

TEST_F(LayoutTest, large_bss_is_not_stored) {
    for_each_data([&](const CacheImage &image, const SegmentChunk &chunk) {
        if (image.soname == "libbss.so") {
            EXPECT_GE(chunk.anonymous.raw(), 1U << 20);
            EXPECT_LE(chunk.data.size(), 0x4000U);
        }
        if (image.soname == "libc.so.6") {
            EXPECT_EQ(chunk.anonymous.raw(), 0U);
        }
    });
}

TEST_F(LayoutTest, relro_lies_inside_its_data_segment) {
    bool some = false;
    for_each_data([&](const CacheImage &, const SegmentChunk &chunk) {
        EXPECT_LE(chunk.relro.raw(), chunk.data.size());
        EXPECT_TRUE(is_aligned(chunk.relro.raw(), kPageSize));
        some |= chunk.relro.raw() != 0;
    });
    EXPECT_TRUE(some);
}

TEST_F(LayoutTest, the_heap_follows_the_data_of_ld_so_at_once) {
    const Chunk &heap = model_.main->heap;
    const CacheImage &loader = model_.images[model_.loader];
    EXPECT_EQ(heap.vm_offset.raw(), (loader.base + loader.size).raw());
    EXPECT_GE(heap.vm_size.raw(), 16U << 20);
    EXPECT_TRUE(is_aligned((heap.vm_offset + heap.vm_size).raw(), kLargePageSize));
    EXPECT_TRUE(is_aligned(loader.segments.back().data.begin().raw(), kLargePageSize));
    for (const CacheImage &image : model_.images)
        EXPECT_TRUE(image.base + image.size <= heap.vm_offset || image.base >= heap.vm_offset + heap.vm_size);
}

TEST_F(LayoutTest, scopes_begin_with_the_image_and_hold_nothing_twice) {
    for (ImageIndex i = 0; i < model_.images.size(); i++) {
        std::vector<ImageIndex> scope = model_.images[i].scope;
        ASSERT_FALSE(scope.empty());
        EXPECT_EQ(scope[0], i);
        std::sort(scope.begin(), scope.end());
        EXPECT_EQ(std::adjacent_find(scope.begin(), scope.end()), scope.end());
    }
}

TEST_F(LayoutTest, the_layout_depends_on_the_inputs_only) {
    CacheModel other;
    ASSERT_TRUE(make_model({"/bin/ls", binder_fixture("dump_system"), binder_fixture("dump_layout"),
                            binder_fixture("dump_scope"), "/bin/ls"},
                           true, &other));
    ASSERT_EQ(other.images.size(), model_.images.size());
    for (size_t i = 0; i < other.images.size(); i++) {
        EXPECT_EQ(other.images[i].path, model_.images[i].path);
        EXPECT_EQ(other.images[i].base, model_.images[i].base);
    }
}

TEST_F(LayoutTest, finds_image_and_data_segment_of_an_offset) {
    for (const CacheImage &image : model_.images) {
        EXPECT_EQ(model_.image_at(image.base), &image);
        EXPECT_EQ(model_.image_at(VMOffset((image.base + image.size).raw() - 1)), &image);
    }
    EXPECT_EQ(model_.image_at(VMOffset(0)), nullptr);
    EXPECT_EQ(model_.image_at(VMOffset(model_.mapped_size.raw())), nullptr);
    for_each_data([&](const CacheImage &, const SegmentChunk &chunk) {
        EXPECT_EQ(model_.data_segment_at(chunk.data.begin()), &chunk);
        EXPECT_NE(model_.data_segment_at(VMOffset(chunk.data.begin().raw() - 1)), &chunk);
    });
}

TEST_F(LayoutTest, bss_that_is_not_stored_reads_as_zero_pages) {
    ModelContent content(model_);
    for_each_data([&](const CacheImage &, const SegmentChunk &chunk) {
        if (chunk.anonymous.raw() == 0)
            return;
        VMOffset bss(chunk.data.begin().raw() + chunk.data.size());
        const std::byte *page = content.page(bss);
        ASSERT_NE(page, nullptr);
        EXPECT_EQ(page[0], std::byte(0));
        EXPECT_FALSE(content.slides(bss));
    });
    EXPECT_EQ(content.page(VMOffset(0)), nullptr);
}

constexpr uint64_t kMiB = 1 << 20;

TEST(SlotLayoutTest, data_of_a_large_image_begin_a_slot) {
    SlotLayout layout(VMOffset(0x4000));
    EXPECT_EQ(layout.place({kMiB, kMiB + 0x5000, kPageSize}).raw(), kMiB);
    EXPECT_EQ(layout.place({3 * kMiB, 4 * kMiB, kPageSize}).raw(), 5 * kMiB);
}

TEST(SlotLayoutTest, small_images_fill_the_slots_that_hold_data) {
    SlotLayout layout(VMOffset(0x4000));
    layout.place({kMiB, kMiB + 0x5000, kPageSize});
    EXPECT_EQ(layout.place({0x3000, 0x4000, kPageSize}).raw(), 2 * kMiB + 0x5000);
    EXPECT_EQ(layout.place({0x3000, 0x4000, 0x10000}).raw(), 2 * kMiB + 0x10000);
}

TEST(SlotLayoutTest, text_that_hardly_leaves_a_slot_spills_into_the_slot_with_data) {
    SlotLayout layout(VMOffset(0));
    layout.place({kMiB, kMiB + 0x5000, kPageSize});
    EXPECT_EQ(layout.place({2 * kMiB + 0x9000, 2 * kMiB + 0xa000, kPageSize}).raw(), 4 * kMiB);
    EXPECT_EQ(layout.place({0x3000, 0x4000, kPageSize}).raw(), 2 * kMiB + 0x5000);
}

TEST(SlotLayoutTest, alignment_comes_before_slots) {
    SlotLayout layout(VMOffset(0x4000));
    EXPECT_EQ(layout.place({kMiB, 2 * kMiB, 2 * kMiB}).raw(), 2 * kMiB);
    EXPECT_EQ(layout.place({0x200000, 0x202000, 2 * kMiB}).raw() % (2 * kMiB), 0U);
    EXPECT_EQ(layout.place({kMiB + 0x3000, kMiB + 0x4000, 0x10000}).raw() % 0x10000, 0U);
}

TEST(SlotLayoutTest, small_images_that_come_first_stay_together) {
    SlotLayout layout(VMOffset(0x4000));
    EXPECT_EQ(layout.place({0x3000, 0x4000, kPageSize}).raw(), 0x4000U);
    EXPECT_EQ(layout.place({0x3000, 0x4000, kPageSize}).raw(), 0x8000U);
}

} // namespace
} // namespace sharedregion::testing
