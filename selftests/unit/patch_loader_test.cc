// SPDX-License-Identifier: GPL-2.0-or-later
// make-ld-dyld's patcher: on this machine's ld.so, and on damaged or hostile variants of it.
#include "libdyldshim/patcher/patch_loader.h"
#include "libdyldshim/patcher/zero_slack.h"
#include "libdyldshim/shared/tail.h"
#include "sharedregion/elf_view.h"
#include "sharedregion/units.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <random>

namespace sharedregion {
namespace {

std::vector<char> read_whole(const std::string &path) {
    std::ifstream in(path, std::ios::binary);
    return std::vector<char>(std::istreambuf_iterator<char>(in), {});
}

// The interpreter of this very test.
std::string own_interpreter() {
    std::vector<char> self = read_whole("/proc/self/exe");
    auto elf = ElfView::open(ByteView(self.data(), self.size()));
    return self.data() + elf.value().phdr(PT_INTERP)->p_offset;
}

// Something that looks like a first stage of `size` bytes: filled with 0xcc but for its configuration.
std::vector<char> make_stage1(size_t size = 600) {
    std::vector<char> stage(size, '\xcc');
    LoaderConfig config = {};
    std::memcpy(config.magic, kLoaderConfigMagic, sizeof config.magic);
    config.version = kLoaderConfigVersion;
    config.size = sizeof config;
    std::memcpy(stage.data() + kConfigOffset, &config, sizeof config);
    return stage;
}

// Something that looks like a tail.
std::vector<char> make_tail(size_t size = 5000) {
    std::vector<char> tail(size, '\xaa');
    TailHeader header = {};
    std::memcpy(header.magic, kTailMagic, sizeof header.magic);
    header.version = kTailVersion;
    std::memcpy(tail.data(), &header, sizeof header);
    return tail;
}

class PatchLoader : public testing::Test {
  protected:
    PatchLoader() {
        request_.loader_path = own_interpreter();
        request_.loader = read_whole(request_.loader_path);
        request_.loader_identity = FileIdentity{1, 2, request_.loader.size(), 4, 5};
        request_.stage1_path = "stage1";
        request_.stage1 = make_stage1();
        request_.tail_path = "tail";
        request_.tail = make_tail();
        request_.state = "/some/state";
        request_.own_dev = 6;
        request_.own_ino = 7;
    }
    Elf64_Ehdr *header() { return reinterpret_cast<Elf64_Ehdr *>(request_.loader.data()); }
    Elf64_Phdr *phdrs() { return reinterpret_cast<Elf64_Phdr *>(request_.loader.data() + header()->e_phoff); }
    Elf64_Phdr *text() {
        for (Elf64_Phdr *phdr = phdrs();; phdr++)
            if (phdr->p_type == PT_LOAD && (phdr->p_flags & PF_X) != 0)
                return phdr;
    }
    // What the patcher says about a request that must fail.
    std::string error() {
        auto patched = patch_loader(request_);
        return patched.ok() ? "patched" : patched.error().message();
    }
    bool error_contains(const char *words) {
        std::string message = error();
        EXPECT_NE(message.find(words), std::string::npos) << message;
        return message.find(words) != std::string::npos;
    }

    PatchRequest request_;
};

std::vector<char> patched_or_fail(const PatchRequest &request) {
    auto patched = patch_loader(request);
    EXPECT_TRUE(patched.ok()) << (patched.ok() ? "" : patched.error().message());
    return patched.ok() ? patched.value() : std::vector<char>();
}

TEST_F(PatchLoader, entry_point_leads_to_the_first_stage) {
    std::vector<char> file = patched_or_fail(request_);
    auto elf = ElfView::open(ByteView(file.data(), file.size()));
    ASSERT_TRUE(elf.ok());
    uint64_t entry = elf.value().header().e_entry;
    const Elf64_Phdr *segment = nullptr;
    for (const Elf64_Phdr &phdr : elf.value().phdrs())
        if (phdr.p_type == PT_LOAD && entry >= phdr.p_vaddr &&
            entry + request_.stage1.size() <= phdr.p_vaddr + phdr.p_filesz)
            segment = &phdr;
    ASSERT_NE(segment, nullptr);
    EXPECT_EQ(segment->p_flags, unsigned(PF_R | PF_X));
    EXPECT_EQ(segment->p_filesz, segment->p_memsz);
    const char *stage = file.data() + segment->p_offset + (entry - segment->p_vaddr);
    EXPECT_EQ(std::memcmp(stage, request_.stage1.data(), kConfigOffset), 0);
}

TEST_F(PatchLoader, bytes_outside_slack_and_headers_stay_as_they_are) {
    std::vector<char> file = patched_or_fail(request_);
    ASSERT_GT(file.size(), request_.loader.size());
    size_t headers_end = sizeof(Elf64_Ehdr) + header()->e_phnum * sizeof(Elf64_Phdr);
    size_t changed = 0;
    for (size_t i = headers_end; i < header()->e_shoff; i++)
        changed += file[i] != request_.loader[i] && request_.loader[i] != 0;
    EXPECT_EQ(changed, 0u);
}

std::vector<Elf64_Phdr> loads_of(const std::vector<char> &file) {
    std::vector<Elf64_Phdr> loads;
    const auto *header = reinterpret_cast<const Elf64_Ehdr *>(file.data());
    const auto *phdrs = reinterpret_cast<const Elf64_Phdr *>(file.data() + header->e_phoff);
    std::copy_if(phdrs, phdrs + header->e_phnum, std::back_inserter(loads),
                 [](const Elf64_Phdr &phdr) { return phdr.p_type == PT_LOAD; });
    return loads;
}

TEST_F(PatchLoader, segments_are_read_only_writable_and_tail) {
    std::vector<char> file = patched_or_fail(request_);
    std::vector<Elf64_Phdr> loads = loads_of(file), before = loads_of(request_.loader);
    ASSERT_EQ(loads.size(), 3u);
    EXPECT_EQ(loads[0].p_vaddr, before.front().p_vaddr);
    EXPECT_EQ(loads[0].p_flags, unsigned(PF_R | PF_X));
    EXPECT_EQ(loads[1].p_vaddr, before.back().p_vaddr);
    EXPECT_EQ(loads[1].p_flags, unsigned(PF_R | PF_W));
    EXPECT_EQ(loads[2].p_flags, unsigned(PF_R | PF_X));
    for (size_t i = 1; i < loads.size(); i++)
        EXPECT_GE(loads[i].p_vaddr, loads[i - 1].p_vaddr + loads[i - 1].p_memsz);
    const auto *patched = reinterpret_cast<const Elf64_Ehdr *>(file.data());
    EXPECT_EQ(patched->e_phnum, header()->e_phnum);
}

// Linux before 6.10 would leave the old file's bytes there.
TEST_F(PatchLoader, the_writable_segment_brings_its_bss_and_the_rest_of_its_page) {
    std::vector<char> file = patched_or_fail(request_);
    Elf64_Phdr data = loads_of(file)[1], before = loads_of(request_.loader).back();
    EXPECT_EQ(data.p_filesz, before.p_memsz);
    EXPECT_EQ(data.p_memsz, before.p_memsz);
    EXPECT_EQ(data.p_offset % kPageSize, data.p_vaddr % kPageSize);
    EXPECT_EQ(
        std::memcmp(file.data() + data.p_offset, request_.loader.data() + before.p_offset, before.p_filesz),
        0);
    uint64_t end = align_up(data.p_offset + data.p_filesz, kPageSize);
    ASSERT_LE(end, file.size());
    for (uint64_t i = data.p_offset + before.p_filesz; i < end; i++)
        ASSERT_EQ(file[i], 0) << i;
}

// gdb warns of sections outside of segments, and of a PT_DYNAMIC that is not where its bytes are.
TEST_F(PatchLoader, sections_and_headers_lie_in_their_segments) {
    std::vector<char> file = patched_or_fail(request_);
    auto elf = ElfView::open(ByteView(file.data(), file.size()));
    ASSERT_TRUE(elf.ok());
    const auto offset_of = [&](uint64_t address) {
        for (const Elf64_Phdr &load : loads_of(file))
            if (address >= load.p_vaddr && address - load.p_vaddr < load.p_memsz)
                return load.p_offset + (address - load.p_vaddr);
        return uint64_t(0);
    };
    const auto *sections = reinterpret_cast<const Elf64_Shdr *>(file.data() + header()->e_shoff);
    for (unsigned i = 0; i < header()->e_shnum; i++)
        if ((sections[i].sh_flags & SHF_ALLOC) != 0) {
            EXPECT_EQ(sections[i].sh_offset, offset_of(sections[i].sh_addr)) << i;
        }
    for (uint32_t type : {PT_DYNAMIC, PT_GNU_RELRO, PT_NOTE})
        EXPECT_EQ(elf.value().phdr(type)->p_offset, offset_of(elf.value().phdr(type)->p_vaddr)) << type;
}

TEST_F(PatchLoader, the_tail_fills_whole_pages_that_are_all_in_the_file) {
    std::vector<char> file = patched_or_fail(request_);
    Elf64_Phdr tail = loads_of(file)[2];
    EXPECT_EQ(tail.p_offset % kPageSize, 0u);
    EXPECT_EQ(tail.p_vaddr % kPageSize, 0u);
    EXPECT_EQ(tail.p_filesz % kPageSize, 0u);
    EXPECT_EQ(tail.p_filesz, tail.p_memsz);
    EXPECT_EQ(tail.p_offset + tail.p_filesz, file.size());
    EXPECT_EQ(std::memcmp(file.data() + tail.p_offset, request_.tail.data(), request_.tail.size()), 0);
}

TEST_F(PatchLoader, a_tail_of_another_version_is_refused) {
    request_.tail[offsetof(TailHeader, version)]++;
    EXPECT_TRUE(error_contains("tail: at offset 0x8: is no tail of this version"));
}

TEST_F(PatchLoader, a_loader_without_a_free_header_is_refused) {
    // one read-only segment only: nothing to merge
    for (unsigned i = 0; i < header()->e_phnum; i++)
        if (phdrs()[i].p_type == PT_LOAD && (phdrs()[i].p_flags & (PF_W | PF_X)) == 0)
            phdrs()[i].p_type = PT_NOTE;
    EXPECT_TRUE(error_contains("has no free program header"));
}

TEST_F(PatchLoader, configuration_names_the_genuine_loader_and_the_state_directory) {
    std::vector<char> file = patched_or_fail(request_);
    const auto *patched = reinterpret_cast<const Elf64_Ehdr *>(file.data());
    uint64_t offset = patched->e_entry - text()->p_vaddr + text()->p_offset + kConfigOffset;
    LoaderConfig config;
    std::memcpy(&config, file.data() + offset, sizeof config);
    // (Offsets and addresses are the same in the read-only segments of this ld.so or the strings below
    // differ.)
    EXPECT_EQ(config.address, patched->e_entry + kConfigOffset);
    EXPECT_EQ(config.genuine_entry, header()->e_entry);
    EXPECT_EQ(config.genuine, request_.loader_identity);
    EXPECT_EQ(config.own_dev, 6u);
    EXPECT_EQ(config.own_ino, 7u);
    Elf64_Phdr tail = loads_of(file)[2];
    EXPECT_EQ(config.tail, tail.p_vaddr);
    const char *in_tail = file.data() + tail.p_offset - tail.p_vaddr;
    EXPECT_STREQ(in_tail + config.genuine_path, request_.loader_path.c_str());
    EXPECT_STREQ(in_tail + config.alias_path, "/some/state/genuine-ld.so");
    EXPECT_STREQ(file.data() + config.region_path, "/some/state/active/region");
}

TEST_F(PatchLoader, resume_lies_behind_the_call_of_dl_start) {
    std::vector<char> file = patched_or_fail(request_);
    const auto *patched = reinterpret_cast<const Elf64_Ehdr *>(file.data());
    uint64_t base = text()->p_vaddr - text()->p_offset;
    LoaderConfig config;
    std::memcpy(&config, file.data() + patched->e_entry - base + kConfigOffset, sizeof config);
    EXPECT_EQ(static_cast<unsigned char>(file[config.resume - base - 5]), 0xe8); // call rel32
}

TEST_F(PatchLoader, a_patched_loader_is_not_patched_again) {
    request_.loader = patched_or_fail(request_);
    EXPECT_TRUE(error_contains("is an ld-dyld.so already"));
}

TEST_F(PatchLoader, every_truncation_is_an_error) {
    std::vector<char> whole = request_.loader;
    for (size_t size : {size_t(0), size_t(1), size_t(63), size_t(64), size_t(200), size_t(4096),
                        size_t(100000), whole.size() / 2}) {
        request_.loader.assign(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
        EXPECT_NE(error(), "patched") << size;
    }
}

TEST_F(PatchLoader, a_program_is_refused) {
    request_.loader = read_whole("/proc/self/exe");
    EXPECT_TRUE(error_contains("not an ld.so"));
}

TEST_F(PatchLoader, a_text_file_is_refused) {
    request_.loader.assign(4096, '#');
    EXPECT_TRUE(error_contains("at offset 0x0: not an ELF file"));
}

TEST_F(PatchLoader, slack_that_is_not_zero_is_an_error_with_its_offset) {
    uint64_t used = text()->p_offset + text()->p_filesz + 100;
    request_.loader[used] = 1;
    char offset[32];
    snprintf(offset, sizeof offset, "at offset 0x%llx", static_cast<unsigned long long>(used));
    EXPECT_TRUE(error_contains(offset));
}

TEST_F(PatchLoader, a_loader_without_room_is_refused_with_the_sizes) {
    request_.stage1 = make_stage1(4097);
    EXPECT_TRUE(error_contains("4097 bytes are needed"));
}

TEST_F(PatchLoader, a_state_path_without_room_is_refused) {
    request_.state = "/" + std::string(4000, 's');
    EXPECT_TRUE(error_contains("no room for the path of"));
}

TEST_F(PatchLoader, a_first_stage_of_another_version_is_refused) {
    request_.stage1[kConfigOffset + offsetof(LoaderConfig, version)]++;
    EXPECT_TRUE(error_contains("stage1: at offset 0x40: is no first stage of this version"));
}

TEST_F(PatchLoader, an_entry_point_that_is_not_glibcs_is_refused) {
    request_.loader[header()->e_entry - text()->p_vaddr + text()->p_offset] = '\x90';
    EXPECT_TRUE(error_contains("does not begin as glibc's"));
}

TEST_F(PatchLoader, an_entry_point_outside_the_text_is_refused) {
    header()->e_entry = phdrs()[0].p_vaddr + 8;
    EXPECT_TRUE(error_contains("entry point lies outside the text"));
}

TEST_F(PatchLoader, a_segment_outside_the_file_is_refused_with_its_offset) {
    text()->p_filesz = 1ULL << 40;
    text()->p_memsz = 1ULL << 40;
    EXPECT_TRUE(error_contains("a segment lies outside the file"));
}

// Any single damaged byte of the headers gives a result or an error, never a crash (sanitizers watch).
TEST_F(PatchLoader, damaged_headers_never_crash_it) {
    std::vector<char> whole = request_.loader;
    size_t headers_end = sizeof(Elf64_Ehdr) + header()->e_phnum * sizeof(Elf64_Phdr);
    std::mt19937 random(1);
    for (size_t i = 0; i < headers_end; i++) {
        request_.loader = whole;
        request_.loader[i] = static_cast<char>(random());
        auto patched = patch_loader(request_);
        EXPECT_TRUE(patched.ok() || !patched.error().message().empty());
    }
}

} // namespace
} // namespace sharedregion
