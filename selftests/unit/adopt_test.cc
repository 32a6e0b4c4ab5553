// SPDX-License-Identifier: GPL-2.0-or-later
// Adoption of captured pages: base content becomes what most programs have, and each program keeps what it
// had.
#include "selftests/unit/model_of_programs.h"

#include <gtest/gtest.h>

namespace sharedregion::testing {
namespace {

// The page that a program sees: its own, or the base's.
CapturedPage seen(const CacheModel &model, const ProgramCapture &capture, uint64_t offset) {
    for (const CapturedPage &page : capture.pages)
        if (page.space == Space::Region && page.offset == offset)
            return page;
    ModelContent base(model);
    const std::byte *content = base.page(VMOffset(offset));
    CapturedPage page{Space::Region, offset, {content, content + kPageSize}, {}};
    for (uint16_t at = 0; at < kPageSize; at += 8)
        if (base.slides(VMOffset(offset + at)))
            page.slide.push_back(at);
    return page;
}

class AdoptTest : public ::testing::Test {
  protected:
    void SetUp() override {
        ASSERT_TRUE(make_bound_model({binder_fixture("dump_layout")}, {}, &model_));
        image_ = static_cast<uint32_t>(find_image(model_, "libc.so.6") - model_.images.data());
        for (const SegmentChunk &chunk : model_.images[image_].segments)
            if (chunk.segment_kind == SegmentKind::Data)
                page_ = chunk.data.begin().raw();
    }
    // A program that uses libc and has its page as it is, or with one word of its own.
    void add_program(uint64_t word = 0, bool slides = false) {
        ProgramCapture capture;
        capture.images = {image_};
        if (word != 0) {
            CapturedPage page = seen(model_, capture, page_);
            std::memcpy(page.content.data() + 0x10, &word, sizeof word);
            std::erase(page.slide, 0x10);
            if (slides)
                page.slide.insert(std::lower_bound(page.slide.begin(), page.slide.end(), 0x10), 0x10);
            capture.pages = {{Space::Region, model_.main->heap.vm_offset.raw(), page.content, {}}};
            capture.pages.push_back(page);
        }
        captures_.emplace_back(std::move(capture));
    }
    uint64_t base_word() const {
        return model_.data_segment_at(VMOffset(page_))->data.word(VMOffset(page_ + 0x10));
    }

    // Adopts, and checks that each program sees what it saw before.
    uint64_t adopt() {
        std::vector<CapturedPage> before;
        for (const auto &capture : captures_)
            before.push_back(capture ? seen(model_, *capture, page_) : CapturedPage{});
        uint64_t adopted = adopt_captured_pages(&model_, &captures_);
        for (size_t i = 0; i < captures_.size(); i++) {
            if (!captures_[i] || captures_[i]->images.empty())
                continue;
            CapturedPage after = seen(model_, *captures_[i], page_);
            EXPECT_EQ(after.content, before[i].content) << i;
            EXPECT_EQ(after.slide, before[i].slide) << i;
        }
        return adopted;
    }
    bool has_page(size_t program) const {
        for (const CapturedPage &page : captures_[program]->pages)
            if (page.offset == page_)
                return true;
        return false;
    }

    CacheModel model_;
    uint32_t image_ = 0;
    uint64_t page_ = 0;
    std::vector<std::optional<ProgramCapture>> captures_;
};

TEST_F(AdoptTest, the_content_of_most_programs_becomes_the_base) {
    add_program(77);
    add_program(77);
    add_program();
    EXPECT_EQ(adopt(), 1U);
    EXPECT_EQ(base_word(), 77U);
    EXPECT_FALSE(has_page(0));
    EXPECT_FALSE(has_page(1));
    EXPECT_TRUE(has_page(2));
}

TEST_F(AdoptTest, the_base_stays_where_as_many_programs_have_it) {
    uint64_t word = base_word();
    add_program(77);
    add_program();
    EXPECT_EQ(adopt(), 0U);
    EXPECT_EQ(base_word(), word);
    EXPECT_TRUE(has_page(0));
}

TEST_F(AdoptTest, the_most_common_of_several_contents_wins) {
    add_program(77);
    add_program(78);
    add_program(78);
    add_program(79);
    EXPECT_EQ(adopt(), 1U);
    EXPECT_EQ(base_word(), 78U);
}

TEST_F(AdoptTest, words_that_slide_are_adopted_as_such) {
    uint64_t target = model_.images[image_].base.raw() + 0x100;
    add_program(target, true);
    EXPECT_EQ(adopt(), 1U);
    EXPECT_TRUE(model_.data_segment_at(VMOffset(page_))->data.slides(VMOffset(page_ + 0x10)));
}

TEST_F(AdoptTest, equal_bytes_that_slide_differently_are_different_contents) {
    add_program(0x1000, true);
    add_program(0x1000, false);
    add_program(0x1000, false);
    EXPECT_EQ(adopt(), 1U);
    EXPECT_FALSE(model_.data_segment_at(VMOffset(page_))->data.slides(VMOffset(page_ + 0x10)));
    EXPECT_TRUE(has_page(0));
}

TEST_F(AdoptTest, pages_stay_sorted_and_others_are_untouched) {
    add_program(77);
    add_program(77);
    add_program();
    add_program();
    add_program(77);
    captures_.emplace_back(std::nullopt);
    adopt();
    for (const auto &capture : captures_)
        if (capture) {
            EXPECT_TRUE(std::is_sorted(capture->pages.begin(), capture->pages.end(),
                                       [](const CapturedPage &a, const CapturedPage &b) {
                                           return std::pair(a.space, a.offset) < std::pair(b.space, b.offset);
                                       }));
        }
    EXPECT_EQ(captures_[0]->pages.size(), 1U); // its loader heap
}

TEST_F(AdoptTest, programs_without_the_library_do_not_vote) {
    add_program(77);
    ProgramCapture other;
    captures_.emplace_back(other);
    captures_.emplace_back(other);
    EXPECT_EQ(adopt(), 1U);
    EXPECT_TRUE(captures_[1]->pages.empty());
}

} // namespace
} // namespace sharedregion::testing
