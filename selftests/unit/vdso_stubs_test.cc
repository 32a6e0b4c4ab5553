// SPDX-License-Identifier: GPL-2.0-or-later
// Which pointers to the vDSO become pointers to stubs, and what the stubs jump by.
#include "builder/sets/vdso_stubs.h"

#include <cstring>
#include <gtest/gtest.h>

using namespace sharedregion;

namespace {

constexpr LoaderExtent kLoader = {VMOffset(0x200000), VMOffset(0x204000), VMOffset(0x400000)};
constexpr uint64_t kRelro = 0x201000, kData = 0x203000, kHeap = 0x205000, kLibrary = 0x500000,
                   kProgram = 0x3000;
constexpr uint64_t kTime = 0xa00, kGettimeofday = 0xb00, kGetcpu = 0xc00;

// Base content: pages that hold zero, but for ld.so's.
class Content : public BaseContent {
  public:
    explicit Content(const std::byte *loader = nullptr) : loader_(loader) {}
    const std::byte *page(VMOffset offset) const override {
        static constexpr std::byte kZero[kPageSize] = {};
        return loader_ != nullptr && offset.raw() == kRelro ? loader_ : kZero;
    }
    bool slides(VMOffset) const override { return false; }

  private:
    const std::byte *loader_;
};

// Words in rising order within a space.
class Capture {
  public:
    Capture() { capture_.protects.push_back({uint32_t(Space::Region), 1, kRelro, kPageSize}); }
    Capture &page(Space space, uint64_t offset) {
        capture_.pages.push_back(CapturedPage{space, offset, std::vector<std::byte>(kPageSize), {}});
        return *this;
    }
    Capture &word(Space space, uint64_t offset, uint64_t addend) {
        capture_.fixups[{space, FixupClass::Vdso}].push_back(offset);
        std::memcpy(content(space, offset), &addend, sizeof addend);
        return *this;
    }
    uint64_t at(Space space, uint64_t offset) {
        uint64_t word;
        std::memcpy(&word, content(space, offset), sizeof word);
        return word;
    }
    bool is_fixed(Space space, uint64_t offset) {
        auto list = capture_.fixups.find({space, FixupClass::Vdso});
        return list != capture_.fixups.end() &&
               std::find(list->second.begin(), list->second.end(), offset) != list->second.end();
    }
    CapturedPage &page_of(Space space, uint64_t offset) {
        for (CapturedPage &page : capture_.pages)
            if (page.space == space && page.offset == align_down(offset, kPageSize))
                return page;
        abort();
    }
    ProgramCapture &get() { return capture_; }

  private:
    std::byte *content(Space space, uint64_t offset) {
        return page_of(space, offset).content.data() + offset % kPageSize;
    }
    ProgramCapture capture_;
};

// ld.so has time and gettimeofday read-only, and getcpu where it is writable; the library and the program use
// them.
Capture sample() {
    Capture capture;
    for (uint64_t offset : {kRelro, kData, kHeap, kLibrary})
        capture.page(Space::Region, offset);
    capture.page(Space::Program, kProgram);
    capture.word(Space::Region, kRelro + 8, kTime).word(Space::Region, kRelro + 16, kGettimeofday);
    capture.word(Space::Region, kData, kGetcpu).word(Space::Region, kHeap, kTime);
    capture.word(Space::Region, kLibrary + 0x10, kTime).word(Space::Region, kLibrary + 0x18, kGetcpu);
    capture.word(Space::Program, kProgram + 8, kGettimeofday);
    return capture;
}

TEST(vdso_stubs, jump_by_words_of_ld_so_that_are_read_only) {
    Capture capture = sample();
    VdsoWords words = {};
    choose_vdso_words(capture.get(), kLoader, Content(), &words);
    EXPECT_EQ(words[0], kRelro + 8);
    EXPECT_EQ(words[1], kRelro + 16);
    for (size_t i = 2; i < words.size(); i++)
        EXPECT_EQ(words[i], 0U) << i;
    VdsoWords again = words;
    choose_vdso_words(capture.get(), kLoader, Content(), &again);
    EXPECT_EQ(again, words);
}

TEST(vdso_stubs, take_the_place_of_pointers_in_libraries_and_program) {
    Capture capture = sample();
    capture.page_of(Space::Region, kLibrary).slide = {0x8, 0x20};
    use_vdso_stubs({kRelro + 8, kRelro + 16}, kLoader, Content(), &capture.get());
    EXPECT_FALSE(capture.is_fixed(Space::Region, kLibrary + 0x10));
    EXPECT_EQ(capture.at(Space::Region, kLibrary + 0x10), vdso_stub_offset(0));
    EXPECT_EQ(capture.page_of(Space::Region, kLibrary).slide, (std::vector<uint16_t>{0x8, 0x10, 0x20}));
    EXPECT_FALSE(capture.is_fixed(Space::Program, kProgram + 8));
    EXPECT_EQ(capture.at(Space::Program, kProgram + 8), vdso_stub_offset(1));
    EXPECT_EQ(capture.page_of(Space::Program, kProgram).slide, std::vector<uint16_t>{8});
    EXPECT_EQ(capture.get().fixups.count({Space::Program, FixupClass::Vdso}), 0U) << "an empty list stays";
}

TEST(vdso_stubs, leave_the_words_of_ld_so_and_of_the_heap) {
    Capture capture = sample();
    use_vdso_stubs({kRelro + 8, kRelro + 16}, kLoader, Content(), &capture.get());
    for (uint64_t offset : {kRelro + 8, kRelro + 16, kData, kHeap})
        EXPECT_TRUE(capture.is_fixed(Space::Region, offset)) << offset;
    EXPECT_EQ(capture.at(Space::Region, kRelro + 8), kTime);
    EXPECT_TRUE(capture.is_fixed(Space::Region, kLibrary + 0x18)) << "no stub of that function";
    EXPECT_EQ(capture.at(Space::Region, kLibrary + 0x18), kGetcpu);
}

TEST(vdso_stubs, are_of_no_use_to_a_program_in_which_ld_so_has_other_words) {
    Capture capture = sample();
    use_vdso_stubs({kRelro + 0x100}, kLoader, Content(), &capture.get());
    EXPECT_TRUE(capture.is_fixed(Space::Region, kLibrary + 0x10));
    EXPECT_TRUE(capture.page_of(Space::Region, kLibrary).slide.empty());
}

TEST(vdso_stubs, jump_by_words_of_a_page_that_is_as_in_the_base_content) {
    Capture capture = sample();
    const std::vector<std::byte> relro = capture.page_of(Space::Region, kRelro).content;
    std::erase_if(capture.get().pages, [](const CapturedPage &page) { return page.offset == kRelro; });
    VdsoWords words = {};
    choose_vdso_words(capture.get(), kLoader, Content(relro.data()), &words);
    EXPECT_EQ(words[0], kRelro + 8);
    use_vdso_stubs(words, kLoader, Content(relro.data()), &capture.get());
    EXPECT_EQ(capture.at(Space::Region, kLibrary + 0x10), vdso_stub_offset(0));
}

TEST(vdso_stubs, are_not_for_pointers_to_the_vdso_itself) {
    Capture capture = sample();
    capture.word(Space::Region, kRelro + 24, 0).word(Space::Region, kLibrary + 0x20, 0);
    std::sort(capture.get().fixups[{Space::Region, FixupClass::Vdso}].begin(),
              capture.get().fixups[{Space::Region, FixupClass::Vdso}].end());
    VdsoWords words = {};
    choose_vdso_words(capture.get(), kLoader, Content(), &words);
    EXPECT_EQ(std::find(words.begin(), words.end(), kRelro + 24), words.end());
    use_vdso_stubs(words, kLoader, Content(), &capture.get());
    EXPECT_TRUE(capture.is_fixed(Space::Region, kLibrary + 0x20));
    EXPECT_EQ(capture.at(Space::Region, kLibrary + 0x20), 0U);
}

TEST(vdso_stubs, that_are_all_in_use_stay_what_they_are) {
    Capture capture = sample();
    VdsoWords words;
    words.fill(kRelro + 8);
    const VdsoWords before = words;
    choose_vdso_words(capture.get(), kLoader, Content(), &words);
    EXPECT_EQ(words, before);
}

TEST(vdso_stubs, have_code_that_ends_at_the_word) {
    for (size_t i = 0; i < kVdsoStubs; i++) {
        const auto code = vdso_stub(i, kRelro + 8 * i);
        EXPECT_EQ(std::memcmp(code.data(), "\xf3\x0f\x1e\xfa\xff\x25", 6), 0);
        int32_t distance;
        std::memcpy(&distance, code.data() + 6, sizeof distance);
        EXPECT_EQ(vdso_stub_offset(i) + 10 + static_cast<uint64_t>(distance), kRelro + 8 * i);
        EXPECT_LE(vdso_stub_offset(i) + kVdsoStubSize, kPageSize);
    }
}

} // namespace
