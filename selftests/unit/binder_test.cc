// SPDX-License-Identifier: GPL-2.0-or-later
// The binder against reality: each word that it relocates must be what the genuine ld.so made of it in a
// program whose closure is that of the library.
#include "builder/bind/binder.h"
#include "builder/bind/relocation_types.h"
#include "selftests/unit/loaded_words.h"
#include "selftests/unit/model_of_programs.h"
#include "sharedregion/relr.h"

#include <gtest/gtest.h>
#include <map>
#include <set>

namespace sharedregion::testing {
namespace {

// A value of a word, told without an absolute address.
struct Meaning {
    std::string image; // empty: a plain number
    uint64_t value;
    bool operator==(const Meaning &) const = default;
};

void PrintTo(const Meaning &meaning, std::ostream *out) {
    *out << (meaning.image.empty() ? "number" : meaning.image) << " + 0x" << std::hex << meaning.value
         << std::dec;
}

class BinderTest : public ::testing::Test {
  protected:
    void bind(const std::string &program) {
        file_ = unnamed_file();
        std::vector<std::string> programs = {binder_fixture(program)};
        ASSERT_TRUE(make_bound_model(programs, {file_.get(), "unnamed"}, &model_));
        ASSERT_FALSE(model_.programs[0].rejection) << model_.programs[0].rejection->detail;
        loaded_ = load_words(binder_fixture(program));
        ASSERT_FALSE(loaded_.empty());
    }

    const LoadedLibrary &loaded(const std::string &path) const {
        for (const LoadedLibrary &library : loaded_)
            if (library.path == path)
                return library;
        ADD_FAILURE() << path << " is not loaded";
        return loaded_.front();
    }

    // What a word of the model means.
    Meaning expected(const SegmentChunk &segment, VMOffset place) const {
        uint64_t value = segment.data.word(place);
        if (!segment.data.slides(place))
            return {"", value};
        const CacheImage *image = model_.image_at(VMOffset(value));
        return image != nullptr ? Meaning{image->path, value - image->base.raw()} : Meaning{"outside", value};
    }

    Meaning actual(uint64_t value) const {
        for (const CacheImage &image : model_.images)
            if (value - loaded(image.path).address < image.size.raw())
                return {image.path, value - loaded(image.path).address};
        return {"", value};
    }

    // Compares the 8 bytes at a VA; false where they differ.
    bool check_word(const CacheImage &image, uint64_t vaddr) {
        VMOffset place = image.base + VMSize(vaddr & ~7ULL);
        const SegmentChunk *segment = model_.data_segment_at(place);
        uint64_t value = 0;
        if (segment == nullptr || !loaded(image.path).word(vaddr & ~7ULL, &value)) {
            ADD_FAILURE() << image.path << ": no word at " << vaddr;
            return false;
        }
        Meaning is = actual(value), should = expected(*segment, place);
        if (is == should)
            return true;
        differing_[image.soname].push_back({vaddr, should});
        return false;
    }

    // Words of an image that differ from reality.
    size_t compare(const CacheImage &image) {
        std::set<uint64_t> words;
        for (const auto *list : {&image.elf.relocations, &image.elf.plt_relocations})
            for (const Elf64_Rela &relocation : *list) {
                auto type = static_cast<uint32_t>(ELF64_R_TYPE(relocation.r_info));
                for (uint64_t at = 0; at < relocation_size(type); at += 8)
                    words.insert((relocation.r_offset + at) & ~7ULL);
            }
        relr_for_each(Span<const uint64_t>(image.elf.relr.data(), image.elf.relr.size()),
                      [&](uint64_t vaddr) { words.insert(vaddr); });
        size_t wrong = 0;
        for (uint64_t vaddr : words)
            wrong += !check_word(image, vaddr);
        compared_ += words.size();
        return wrong;
    }

    BindStatistics statistics(const CacheImage &image) {
        SymbolIndex index(model_);
        std::vector<SegmentChunk> scratch = image.segments;
        return bind_image(model_, index, static_cast<ImageIndex>(&image - model_.images.data()), &scratch);
    }

    // Every word is right but those that only running code can tell, which must be 0.
    void expect_all_but_captured(const std::string &soname) {
        const CacheImage *image = find_image(model_, soname);
        ASSERT_NE(image, nullptr);
        size_t wrong = compare(*image);
        EXPECT_EQ(wrong, statistics(*image).from_capture) << soname;
        for (const auto &[vaddr, should] : differing_[soname])
            EXPECT_EQ(should, (Meaning{"", 0})) << soname << " at 0x" << std::hex << vaddr;
    }

    // The meaning of the word that a variable of a fixture is.
    Meaning variable(const std::string &soname, const std::string &name) {
        const CacheImage *image = find_image(model_, soname);
        for (const Elf64_Sym &symbol : image->elf.symbols)
            if (image->elf.name(symbol) == name && symbol.st_shndx != SHN_UNDEF) {
                VMOffset place = image->base + VMSize(symbol.st_value);
                return expected(*model_.data_segment_at(place), place);
            }
        ADD_FAILURE() << "no symbol " << name;
        return {};
    }
    uint64_t symbol_value(const std::string &soname, const std::string &name,
                          const std::string &version = "") {
        const ElfImage &elf = find_image(model_, soname)->elf;
        for (uint32_t i = 0; i < elf.symbols.size(); i++)
            if (elf.name(elf.symbols[i]) == name && elf.symbols[i].st_shndx != SHN_UNDEF &&
                (version.empty() || (elf.version(i) != nullptr && elf.version(i)->name == version)))
                return elf.symbols[i].st_value;
        ADD_FAILURE() << "no symbol " << name << "@" << version;
        return 0;
    }

    CacheModel model_;
    FileDescriptor file_;
    std::vector<LoadedLibrary> loaded_;
    size_t compared_ = 0;
    std::map<std::string, std::vector<std::pair<uint64_t, Meaning>>> differing_;
};

std::set<uint32_t> types_of(const ElfImage &elf) {
    std::set<uint32_t> types;
    for (const auto *list : {&elf.relocations, &elf.plt_relocations})
        for (const Elf64_Rela &relocation : *list)
            types.insert(static_cast<uint32_t>(ELF64_R_TYPE(relocation.r_info)));
    return types;
}

TEST_F(BinderTest, binds_every_relocation_type_as_ld_so_does) {
    ASSERT_NO_FATAL_FAILURE(bind("dump_types"));
    const CacheImage *image = find_image(model_, "libtypes.so");
    std::set<uint32_t> types = types_of(image->elf);
    for (uint32_t type : {R_X86_64_64, R_X86_64_GLOB_DAT, R_X86_64_JUMP_SLOT, R_X86_64_RELATIVE,
                          R_X86_64_IRELATIVE, R_X86_64_DTPMOD64, R_X86_64_DTPOFF64, R_X86_64_TPOFF64,
                          R_X86_64_TLSDESC, R_X86_64_SIZE64, R_X86_64_SIZE32})
        EXPECT_TRUE(types.count(type)) << "the fixture has no relocation of type " << type;
    expect_all_but_captured("libtypes.so");
}

TEST_F(BinderTest, binds_packed_relative_relocations_as_ld_so_does) {
    ASSERT_NO_FATAL_FAILURE(bind("dump_types_relr"));
    EXPECT_FALSE(find_image(model_, "libtypes_relr.so")->elf.relr.empty());
    expect_all_but_captured("libtypes_relr.so");
}

TEST_F(BinderTest, binds_libc_as_ld_so_does) {
    ASSERT_NO_FATAL_FAILURE(bind("dump_scope")); // no library with TLS in front of libc
    const CacheImage *libc = find_image(model_, "libc.so.6");
    size_t wrong = compare(*libc);
    // IFUNC results, and what constructors have changed since (program_invocation_name and its short form).
    EXPECT_LE(wrong, statistics(*libc).from_capture + 2);
}

TEST_F(BinderTest, binds_versioned_references_to_their_version) {
    ASSERT_NO_FATAL_FAILURE(bind("dump_versions"));
    expect_all_but_captured("libversion_user.so");
    std::string versions = find_image(model_, "libversions.so")->path;
    EXPECT_EQ(variable("libversion_user.so", "old_word"),
              (Meaning{versions, symbol_value("libversions.so", "answer", "TEST_1")}));
    EXPECT_EQ(variable("libversion_user.so", "new_word"),
              (Meaning{versions, symbol_value("libversions.so", "answer", "TEST_2")}));
}

TEST_F(BinderTest, binds_unversioned_references_as_ld_so_does) {
    ASSERT_NO_FATAL_FAILURE(bind("dump_versions"));
    const ElfImage &elf = find_image(model_, "libunversioned.so")->elf;
    for (uint32_t i = 0; i < elf.symbols.size(); i++)
        EXPECT_EQ(elf.version(i), nullptr) << elf.name(elf.symbols[i]);
    expect_all_but_captured("libunversioned.so");
}

TEST_F(BinderTest, binds_weak_protected_hidden_local_unique_and_absolute_symbols_as_ld_so_does) {
    ASSERT_NO_FATAL_FAILURE(bind("dump_scope"));
    expect_all_but_captured("libscope.so");
    std::string self = find_image(model_, "libscope.so")->path;
    std::string rival = find_image(model_, "libscope_rival.so")->path;
    EXPECT_EQ(variable("libscope.so", "nowhere_word"), (Meaning{"", 0}));
    EXPECT_EQ(variable("libscope.so", "both_word"), (Meaning{self, symbol_value("libscope.so", "both")}));
    EXPECT_EQ(variable("libscope.so", "weak_word"),
              (Meaning{self, symbol_value("libscope.so", "weak_here")}));
    EXPECT_EQ(variable("libscope.so", "guarded_word"),
              (Meaning{self, symbol_value("libscope.so", "guarded")}));
    EXPECT_EQ(variable("libscope.so", "rival_word"),
              (Meaning{rival, symbol_value("libscope_rival.so", "only_in_rival")}));
    EXPECT_EQ(variable("libscope.so", "absolute_word"), (Meaning{"", 0x1234}));
    EXPECT_EQ(variable("libscope.so", "unique_word").image, self);
}

TEST_F(BinderTest, binds_symbols_of_ld_so_like_others) {
    ASSERT_NO_FATAL_FAILURE(bind("dump_scope"));
    uint64_t value = 0;
    const CacheImage &image = model_.images[model_.loader];
    const ElfImage &loader = image.elf;
    for (const Elf64_Sym &symbol : loader.symbols)
        if (loader.name(symbol) == "__tls_get_addr")
            value = symbol.st_value;
    ASSERT_NE(value, 0U);
    EXPECT_EQ(variable("libscope.so", "loader_word"), (Meaning{image.path, value}));
}

TEST_F(BinderTest, a_symbolic_library_binds_its_own_symbols) {
    ASSERT_NO_FATAL_FAILURE(bind("dump_scope"));
    expect_all_but_captured("libscope_rival.so");
    std::string rival = find_image(model_, "libscope_rival.so")->path;
    EXPECT_EQ(variable("libscope_rival.so", "rival_both_word"),
              (Meaning{rival, symbol_value("libscope_rival.so", "both")}));
}

TEST_F(BinderTest, binds_nearly_all_words_of_libstdcxx_libssl_and_libz_as_ld_so_does) {
    ASSERT_NO_FATAL_FAILURE(bind("dump_system"));
    size_t wrong = 0, captured = 0;
    for (const CacheImage &image : model_.images) {
        wrong += compare(image);
        captured += statistics(image).from_capture;
    }
    EXPECT_GT(compared_, 10000U);
    // The rest: IFUNC results, TLS offsets that depend on the program's other libraries, words that
    // constructors have changed.
    EXPECT_LE(wrong, captured + compared_ / 200);
    std::cout << compared_ << " words compared, " << wrong << " differ, " << captured
              << " of them only running code can tell\n";
}

TEST(TlsLayoutTest, offsets_follow_size_alignment_and_address_of_the_blocks) {
    CacheModel model;
    auto add = [&](uint64_t vaddr, uint64_t size, uint64_t align) {
        CacheImage image;
        image.elf.tls = ElfRange{vaddr, 0, size, align};
        model.images.push_back(std::move(image));
    };
    add(0x1000, 0x10, 8);
    add(0x2000, 0, 1); // no TLS
    add(0x3010, 0x24, 0x20);
    add(0x4000, 1, 1);
    TlsLayout layout(model, {0, 1, 2, 3});
    EXPECT_EQ(layout.module(0), 1U);
    EXPECT_EQ(layout.offset(0), 0x10U);
    EXPECT_EQ(layout.module(1), 0U);
    EXPECT_EQ(layout.module(2), 2U);
    // The block starts at an address that is 0x10 above a multiple of 0x20, as its p_vaddr is.
    EXPECT_EQ((0x10000 - layout.offset(2)) % 0x20, 0x10U);
    EXPECT_GE(layout.offset(2), 0x10U + 0x24);
    EXPECT_EQ(layout.offset(3), layout.offset(2) + 1);
}

ElfImage small_image() {
    ElfImage elf;
    elf.type = ET_DYN;
    elf.segments = {{0, 0, 0x1000, 0x1000, kPageSize, PF_R | PF_X},
                    {0x1000, 0x1000, 0x100, 0x2000, kPageSize, PF_R | PF_W}};
    elf.symbols.resize(1);
    elf.strings = {'\0'};
    return elf;
}

Elf64_Rela relocation(uint64_t place, uint32_t type) {
    return {place, ELF64_R_INFO(0, type), 0};
}

// No linker makes these two for a shared object, but ld.so takes them: so the object is made here.
TEST(BinderTypesTest, binds_32_and_pc32_into_their_half_of_a_word) {
    CacheModel model;
    CacheImage image;
    image.elf = small_image();
    image.elf.symbols.push_back({0, ELF64_ST_INFO(STB_LOCAL, STT_OBJECT), 0, SHN_ABS, 0x1200, 0});
    image.elf.symbols.push_back({0, ELF64_ST_INFO(STB_LOCAL, STT_OBJECT), 0, 1, 0x10, 0});
    image.elf.relocations = {{0x1004, ELF64_R_INFO(1, R_X86_64_32), 0x34},
                             {0x1008, ELF64_R_INFO(2, R_X86_64_PC32), -4}};
    ASSERT_TRUE(check_cacheable(image.elf).ok());
    image.base = VMOffset(0x10000);
    image.scope = {0};
    SegmentChunk chunk;
    chunk.segment_kind = SegmentKind::Data;
    chunk.data = DataContent(VMOffset(0x11000), VMSize(0x2000));
    chunk.data.put(VMOffset(0x11000), 0x1111111122222222, false);
    chunk.data.put(VMOffset(0x11008), 0x3333333344444444, false);
    model.images.push_back(std::move(image));
    SymbolIndex index(model);
    std::vector<SegmentChunk> segments = {std::move(chunk)};
    BindStatistics bound = bind_image(model, index, 0, &segments);
    EXPECT_EQ(bound.relocations, 2U);
    EXPECT_EQ(segments[0].data.word(VMOffset(0x11000)), 0x0000123422222222U);
    auto distance = static_cast<uint32_t>(0x10 - 4 - 0x1008);
    EXPECT_EQ(segments[0].data.word(VMOffset(0x11008)), 0x3333333300000000U | distance);
    EXPECT_FALSE(segments[0].data.slides(VMOffset(0x11008)));
}

TEST(CheckCacheableTest, accepts_a_plain_image) {
    ElfImage elf = small_image();
    elf.relocations = {relocation(0x1000, R_X86_64_RELATIVE), relocation(0x10f8, R_X86_64_64)};
    elf.relr = {0x1000, 3};
    EXPECT_TRUE(check_cacheable(elf).ok());
}

TEST(CheckCacheableTest, refuses_what_needs_more_alignment_than_the_region_has) {
    ElfImage elf = small_image();
    elf.segments[1].align = 4 << 20; // the linker's page size says nothing
    elf.alignment = elf.tls.align = kLargePageSize;
    elf.tls.mem_size = 8;
    EXPECT_TRUE(check_cacheable(elf).ok());
    elf.alignment = 2 * kLargePageSize;
    EXPECT_FALSE(check_cacheable(elf).ok());
    elf.alignment = kLargePageSize;
    elf.tls.align = 2 * kLargePageSize;
    EXPECT_FALSE(check_cacheable(elf).ok());
}

TEST(CheckCacheableTest, refuses_text_relocations) {
    ElfImage elf = small_image();
    elf.relocations = {relocation(0x10, R_X86_64_RELATIVE)};
    Status status = check_cacheable(elf);
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().where, 0x10U);
}

TEST(CheckCacheableTest, refuses_the_textrel_flag) {
    ElfImage elf = small_image();
    elf.flags = DF_TEXTREL;
    EXPECT_FALSE(check_cacheable(elf).ok());
}

TEST(CheckCacheableTest, refuses_writable_and_executable_segments) {
    ElfImage elf = small_image();
    elf.segments[1].flags |= PF_X;
    EXPECT_FALSE(check_cacheable(elf).ok());
}

TEST(CheckCacheableTest, refuses_copy_relocations) {
    ElfImage elf = small_image();
    elf.relocations = {relocation(0x1000, R_X86_64_COPY)};
    EXPECT_FALSE(check_cacheable(elf).ok());
}

TEST(CheckCacheableTest, refuses_unknown_relocation_types) {
    ElfImage elf = small_image();
    elf.relocations = {relocation(0x1000, 250)};
    EXPECT_FALSE(check_cacheable(elf).ok());
}

TEST(CheckCacheableTest, refuses_unaligned_words) {
    ElfImage elf = small_image();
    elf.relocations = {relocation(0x1004, R_X86_64_RELATIVE)};
    EXPECT_FALSE(check_cacheable(elf).ok());
}

TEST(CheckCacheableTest, refuses_places_outside_the_file_part) {
    ElfImage elf = small_image();
    for (uint64_t place : {0x10fcULL, 0x1100ULL, 0x5000ULL, ~7ULL}) {
        elf.relocations = {relocation(place & ~7ULL, R_X86_64_TLSDESC)};
        EXPECT_FALSE(check_cacheable(elf).ok()) << place;
    }
}

TEST(CheckCacheableTest, refuses_packed_relocations_outside_writable_segments) {
    ElfImage elf = small_image();
    elf.relr = {0x10};
    EXPECT_FALSE(check_cacheable(elf).ok());
    elf.relr = {0x10f8, 3};
    EXPECT_FALSE(check_cacheable(elf).ok());
}

} // namespace
} // namespace sharedregion::testing
