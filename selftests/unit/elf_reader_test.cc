// SPDX-License-Identifier: GPL-2.0-or-later
// The ELF reader: what it finds in real objects, and that damaged ones are errors with an offset.
#include "builder/elf/elf_image.h"
#include "builder/support/file.h"
#include "sharedregion/units.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <gtest/gtest.h>
#include <random>

namespace sharedregion::testing {
namespace {

std::vector<std::byte> read_file(const std::string &path) {
    auto file = open_to_read(path);
    auto identity = identity_of_path(path);
    if (!file.ok() || !identity.ok()) {
        ADD_FAILURE() << path << " cannot be read";
        return {};
    }
    return std::move(read_at(file.value().get(), 0, identity.value().size, path).value());
}

Result<ElfImage> parse(const std::vector<std::byte> &bytes) {
    return parse_elf_image(ByteView(bytes.data(), bytes.size()));
}

class ElfReaderTest : public ::testing::Test {
  protected:
    void SetUp() override {
        bytes_ = read_file("out/fixtures/binder/libtypes.so");
        ASSERT_TRUE(parse(bytes_).ok());
    }

    Elf64_Ehdr *header() { return reinterpret_cast<Elf64_Ehdr *>(bytes_.data()); }
    Elf64_Phdr *phdr(uint32_t type) {
        auto *phdrs = reinterpret_cast<Elf64_Phdr *>(bytes_.data() + header()->e_phoff);
        for (int i = 0; i < header()->e_phnum; i++)
            if (phdrs[i].p_type == type)
                return &phdrs[i];
        ADD_FAILURE() << "no program header of type " << type;
        return phdrs;
    }
    Elf64_Dyn *dynamic(int64_t tag) {
        auto *entry = reinterpret_cast<Elf64_Dyn *>(bytes_.data() + phdr(PT_DYNAMIC)->p_offset);
        while (entry->d_tag != DT_NULL && entry->d_tag != tag)
            entry++;
        EXPECT_EQ(entry->d_tag, tag);
        return entry;
    }
    // Where an address lies in the file.
    template <class T> T *at(uint64_t vaddr) {
        ElfImage image = std::move(parse(read_file("out/fixtures/binder/libtypes.so")).value());
        const ElfSegment *segment = image.segment_at(vaddr, sizeof(T));
        return reinterpret_cast<T *>(bytes_.data() + segment->offset + (vaddr - segment->vaddr));
    }
    void expect_error(const char *what) {
        Result<ElfImage> parsed = parse(bytes_);
        ASSERT_FALSE(parsed.ok()) << "no error, expected: " << what;
        EXPECT_EQ(parsed.error().code, ENOEXEC);
        EXPECT_NE(std::strstr(parsed.error().what, what), nullptr) << parsed.error().what;
    }

    std::vector<std::byte> bytes_;
};

TEST_F(ElfReaderTest, finds_what_a_library_holds) {
    ElfImage image = std::move(parse(bytes_).value());
    EXPECT_EQ(image.type, ET_DYN);
    EXPECT_EQ(image.soname, "libtypes.so");
    ASSERT_FALSE(image.needed.empty());
    EXPECT_EQ(image.needed[0], "libc.so.6");
    EXPECT_EQ(image.build_id.size, 20);
    EXPECT_GT(image.tls.mem_size, 0U);
    EXPECT_GT(image.relro.mem_size, 0U);
    EXPECT_NE(image.initializers.init_array, 0U);
    EXPECT_FALSE(image.symbolic());
    EXPECT_FALSE(image.executable_stack);
    EXPECT_FALSE(image.relocations.empty());
    EXPECT_FALSE(image.plt_relocations.empty());
}

TEST_F(ElfReaderTest, reads_the_same_from_a_file_and_from_memory) {
    auto file = open_to_read("out/fixtures/binder/libtypes.so");
    Result<ElfImage> image = read_elf_image(file.value().get());
    ASSERT_TRUE(image.ok());
    ElfImage other = std::move(parse(bytes_).value());
    EXPECT_EQ(image.value().symbols.size(), other.symbols.size());
    EXPECT_EQ(image.value().strings, other.strings);
    EXPECT_EQ(image.value().relocations.size(), other.relocations.size());
}

TEST_F(ElfReaderTest, names_the_versions_of_definitions_and_references) {
    ElfImage image = std::move(parse(read_file("out/fixtures/binder/libversion_user.so")).value());
    std::vector<std::string> wanted;
    for (uint32_t i = 0; i < image.symbols.size(); i++)
        if (image.name(image.symbols[i]) == "answer")
            wanted.emplace_back(image.version(i)->name);
    std::sort(wanted.begin(), wanted.end());
    EXPECT_EQ(wanted, (std::vector<std::string>{"TEST_1", "TEST_2"}));
}

TEST_F(ElfReaderTest, counts_symbols_by_the_old_hash_table_too) {
    ElfImage gnu = std::move(parse(bytes_).value());
    ElfImage old = std::move(parse(read_file("out/fixtures/binder/libtypes_sysv.so")).value());
    EXPECT_EQ(old.symbols.size(), gnu.symbols.size());
    EXPECT_EQ(old.first_export, 0U);
}

TEST_F(ElfReaderTest, every_truncation_is_an_error_or_harmless) {
    ElfImage whole = std::move(parse(bytes_).value());
    uint64_t needed = 0; // bytes that some segment holds
    for (const ElfSegment &segment : whole.segments)
        needed = std::max(needed, segment.offset + segment.file_size);
    std::vector<std::byte> cut = bytes_;
    for (uint64_t size = bytes_.size(); size-- > 0;) {
        if (size > 256 && size % 7 != 0)
            continue;
        cut.resize(size);
        cut.shrink_to_fit(); // so that a sanitizer sees a read behind the end
        EXPECT_EQ(parse(cut).ok(), size >= needed) << size;
    }
}

TEST_F(ElfReaderTest, no_flipped_bit_of_the_metadata_crashes_the_reader) {
    uint64_t metadata = phdr(PT_LOAD)->p_filesz;
    for (uint64_t bit = 0; bit < metadata * 8; bit++) {
        bytes_[bit / 8] ^= std::byte(1 << bit % 8);
        Result<ElfImage> parsed = parse(bytes_);
        EXPECT_TRUE(parsed.ok() || parsed.error().what != nullptr);
        bytes_[bit / 8] ^= std::byte(1 << bit % 8);
    }
}

TEST_F(ElfReaderTest, no_damaged_dynamic_entry_crashes_the_reader) {
    std::mt19937_64 random(1); // fixed seed: a failure can be repeated
    const Elf64_Phdr *segment = phdr(PT_DYNAMIC);
    auto *entries = reinterpret_cast<Elf64_Dyn *>(bytes_.data() + segment->p_offset);
    const uint64_t values[] = {0,          1,          7,     0x1000,    0x7fffffff,
                               0xffffffff, 1ULL << 63, ~0ULL, ~0ULL - 7, random()};
    for (uint64_t i = 0; i < segment->p_filesz / sizeof(Elf64_Dyn); i++)
        for (uint64_t value : values) {
            uint64_t kept = std::exchange(entries[i].d_un.d_val, value);
            (void)parse(bytes_).ok();
            entries[i].d_un.d_val = kept;
        }
}

TEST_F(ElfReaderTest, refuses_an_empty_file) {
    bytes_.clear();
    expect_error("not an ELF file");
}

TEST_F(ElfReaderTest, refuses_text) {
    std::memcpy(bytes_.data(), "#!/bin/sh", 9);
    expect_error("not an ELF file");
}

TEST_F(ElfReaderTest, refuses_another_machine) {
    header()->e_machine = EM_AARCH64;
    expect_error("not an x86-64");
}

TEST_F(ElfReaderTest, refuses_32_bit_objects) {
    header()->e_ident[EI_CLASS] = ELFCLASS32;
    EXPECT_FALSE(parse(bytes_).ok());
}

TEST_F(ElfReaderTest, refuses_relocatable_objects) {
    header()->e_type = ET_REL;
    expect_error("neither a shared object nor an executable");
}

TEST_F(ElfReaderTest, refuses_program_headers_outside_the_file) {
    header()->e_phoff = bytes_.size();
    expect_error("program headers");
}

TEST_F(ElfReaderTest, refuses_a_segment_outside_the_file_and_names_the_field) {
    Elf64_Phdr *load = phdr(PT_LOAD);
    load->p_offset += 1ULL << 32;
    Result<ElfImage> parsed = parse(bytes_);
    ASSERT_FALSE(parsed.ok());
    uint64_t field = static_cast<uint64_t>(reinterpret_cast<std::byte *>(&load->p_offset) - bytes_.data());
    EXPECT_EQ(parsed.error().where, field);
}

TEST_F(ElfReaderTest, refuses_a_segment_larger_in_the_file_than_in_memory) {
    phdr(PT_LOAD)->p_memsz = 1;
    expect_error("larger in the file");
}

TEST_F(ElfReaderTest, refuses_overlapping_segments) {
    phdr(PT_LOAD)->p_memsz = 0x10000;
    expect_error("overlap");
}

TEST_F(ElfReaderTest, refuses_an_odd_alignment) {
    phdr(PT_LOAD)->p_align = 0x3000;
    expect_error("power of two");
}

TEST_F(ElfReaderTest, refuses_a_segment_beyond_2_gib) {
    phdr(PT_LOAD)->p_memsz = 1ULL << 40;
    expect_error("2 GiB");
}

TEST_F(ElfReaderTest, refuses_offsets_that_do_not_fit_addresses) {
    phdr(PT_LOAD)->p_vaddr += 8;
    expect_error("differ within a page");
}

TEST_F(ElfReaderTest, refuses_a_missing_dynamic_section) {
    phdr(PT_DYNAMIC)->p_type = PT_NULL;
    expect_error("no dynamic section");
}

TEST_F(ElfReaderTest, refuses_a_dynamic_section_outside_the_segments) {
    phdr(PT_DYNAMIC)->p_vaddr = 0x7000000;
    expect_error("dynamic section lies outside");
}

TEST_F(ElfReaderTest, refuses_an_unknown_symbol_size) {
    dynamic(DT_SYMENT)->d_un.d_val = 16;
    expect_error("DT_SYMENT");
}

TEST_F(ElfReaderTest, refuses_a_string_table_outside_the_segments) {
    dynamic(DT_STRTAB)->d_un.d_val = 0x7000000;
    expect_error("DT_STRTAB");
}

TEST_F(ElfReaderTest, refuses_a_soname_outside_the_string_table) {
    dynamic(DT_SONAME)->d_un.d_val = 1 << 20;
    expect_error("outside the string table");
}

TEST_F(ElfReaderTest, refuses_relocations_outside_the_segments) {
    dynamic(DT_RELASZ)->d_un.d_val = 1 << 30;
    expect_error("DT_RELA");
}

TEST_F(ElfReaderTest, refuses_a_hash_table_outside_the_segments) {
    dynamic(DT_GNU_HASH)->d_un.d_val = 0x7000000;
    expect_error("DT_GNU_HASH");
}

TEST_F(ElfReaderTest, refuses_a_hash_table_whose_chain_has_no_end) {
    struct {
        uint32_t buckets, first, bloom, shift;
    } table;
    uint64_t vaddr = dynamic(DT_GNU_HASH)->d_un.d_val;
    std::memcpy(&table, at<char>(vaddr), sizeof table);
    uint64_t chains = vaddr + sizeof table + table.bloom * 8ULL + table.buckets * 4ULL;
    uint64_t segment_end = phdr(PT_LOAD)->p_filesz;
    for (uint64_t at_chain = chains; at_chain + 4 <= segment_end; at_chain += 4)
        *at<unsigned char>(at_chain) &= 0xfe;
    Result<ElfImage> parsed = parse(bytes_);
    EXPECT_FALSE(parsed.ok());
}

TEST_F(ElfReaderTest, refuses_a_relocation_of_a_symbol_that_does_not_exist) {
    ElfImage image = std::move(parse(bytes_).value());
    auto *relocation = at<Elf64_Rela>(dynamic(DT_JMPREL)->d_un.d_val);
    relocation->r_info = ELF64_R_INFO(image.symbols.size(), R_X86_64_JUMP_SLOT);
    expect_error("symbol that does not exist");
}

TEST_F(ElfReaderTest, refuses_a_symbol_whose_name_lies_outside_the_string_table) {
    at<Elf64_Sym>(dynamic(DT_SYMTAB)->d_un.d_val + sizeof(Elf64_Sym))->st_name = 0x7fffffff;
    expect_error("name lies outside");
}

TEST_F(ElfReaderTest, refuses_versions_outside_the_segments) {
    dynamic(DT_VERNEED)->d_un.d_val = 0x7000000;
    expect_error("DT_VERNEED");
}

TEST_F(ElfReaderTest, refuses_versions_without_number) {
    dynamic(DT_VERNEEDNUM)->d_un.d_val = ~0ULL;
    expect_error("too many versions");
}

TEST_F(ElfReaderTest, refuses_a_relro_range_outside_the_segments) {
    phdr(PT_GNU_RELRO)->p_vaddr = 0x7000000;
    expect_error("PT_GNU_RELRO");
}

TEST_F(ElfReaderTest, refuses_an_impossible_tls_alignment) {
    phdr(PT_TLS)->p_align = 12;
    expect_error("PT_TLS");
}

TEST(SymbolTableTest, reads_local_symbols) {
    auto file = open_to_read("out/fixtures/binder/libtypes.so");
    Result<SymbolTable> table = read_symbol_table(file.value().get());
    ASSERT_TRUE(table.ok());
    bool found = false;
    for (const Elf64_Sym &symbol : table.value().symbols)
        found |= std::strcmp(table.value().strings.data() + symbol.st_name, "implementation") == 0;
    EXPECT_TRUE(found);
}

} // namespace
} // namespace sharedregion::testing
