// SPDX-License-Identifier: GPL-2.0-or-later
#include "libdyldshim/patcher/patch_loader.h"

#include "libdyldshim/patcher/append_tail.h"
#include "libdyldshim/patcher/zero_slack.h"
#include "libdyldshim/shared/tail.h"
#include "sharedregion/elf_view.h"
#include "sharedregion/state_names.h"
#include "sharedregion/units.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace sharedregion {
namespace {

Failure about_loader(const PatchRequest &request, const std::string &what,
                     uint64_t where = Failure::kNoOffset) {
    return Failure::about(request.loader_path, what, where);
}

// File offset of an executable byte at an ELF VA; kNoOffset where the file has none.
uint64_t text_offset(const ElfView &elf, uint64_t address, uint64_t size) {
    for (const Elf64_Phdr &phdr : elf.phdrs())
        if (phdr.p_type == PT_LOAD && (phdr.p_flags & PF_X) != 0 && address >= phdr.p_vaddr &&
            size <= phdr.p_filesz && address - phdr.p_vaddr <= phdr.p_filesz - size)
            return phdr.p_offset + (address - phdr.p_vaddr);
    return Failure::kNoOffset;
}

Outcome<ElfView> open_loader(const PatchRequest &request) {
    auto opened = ElfView::open(ByteView(request.loader.data(), request.loader.size()));
    if (!opened.ok())
        return Failure::of(opened.error(), request.loader_path);
    const ElfView &elf = opened.value();
    if (elf.header().e_type != ET_DYN || elf.phdr(PT_INTERP) != nullptr || elf.phdr(PT_DYNAMIC) == nullptr)
        return about_loader(request, "is a program or an object file, not an ld.so; give --ldso the "
                                     "interpreter that `readelf -l PROGRAM` names");
    return elf;
}

// ELF VA behind the call of _dl_start in the genuine `_start`: [endbr64] mov %rsp,%rdi; call rel32.
// Source: glibc sysdeps/x86_64/dl-machine.h, RTLD_START.
Outcome<uint64_t> find_resume(const PatchRequest &request, const ElfView &elf) {
    constexpr char kEndbr64[] = "\xf3\x0f\x1e\xfa";
    constexpr char kMoveAndCall[] = "\x48\x89\xe7\xe8";
    constexpr uint64_t kLongest = 4 + 4 + 4;
    uint64_t entry = elf.header().e_entry;
    uint64_t offset = text_offset(elf, entry, kConfigOffset + sizeof kLoaderConfigMagic);
    if (offset == Failure::kNoOffset || kConfigOffset < kLongest)
        return about_loader(request, "entry point lies outside the text; the file is damaged",
                            offsetof(Elf64_Ehdr, e_entry));
    const char *code = request.loader.data() + offset;
    if (std::memcmp(code + kConfigOffset, kLoaderConfigMagic, sizeof kLoaderConfigMagic) == 0)
        return about_loader(request, "is an ld-dyld.so already; give --ldso the genuine ld.so", offset);
    uint64_t skipped = std::memcmp(code, kEndbr64, 4) == 0 ? 4 : 0;
    if (std::memcmp(code + skipped, kMoveAndCall, 4) != 0)
        return about_loader(request, "the entry point does not begin as glibc's: this ld.so is not supported",
                            offset);
    int32_t distance;
    std::memcpy(&distance, code + skipped + 4, sizeof distance);
    uint64_t resume = entry + skipped + 8;
    if (text_offset(elf, resume + static_cast<int64_t>(distance), 1) == Failure::kNoOffset)
        return about_loader(request, "the entry point calls a place outside the text; the file is damaged",
                            offset + skipped + 3);
    return resume;
}

Outcome<Success> check_stage1(const PatchRequest &request) {
    ByteView bytes(request.stage1.data(), request.stage1.size());
    const auto *config = bytes.at<LoaderConfig>(kConfigOffset);
    if (config == nullptr || std::memcmp(config->magic, kLoaderConfigMagic, sizeof config->magic) != 0 ||
        config->version != kLoaderConfigVersion || config->size != sizeof *config)
        return Failure::about(request.stage1_path,
                              "is no first stage of this version; give --stage1 the dyld-stage1.bin that was "
                              "installed with this command",
                              kConfigOffset);
    return Success{};
}

Outcome<Success> check_tail(const PatchRequest &request) {
    const auto *header = ByteView(request.tail.data(), request.tail.size()).at<TailHeader>(0);
    if (header == nullptr || std::memcmp(header->magic, kTailMagic, sizeof header->magic) != 0 ||
        header->version != kTailVersion)
        return Failure::about(request.tail_path,
                              "is no tail of this version; give --tail the dyld-tail.bin that was installed "
                              "with this command",
                              offsetof(TailHeader, magic));
    return Success{};
}

// The tail, and behind it the strings that only it reads.
struct TailContent {
    std::vector<char> bytes;
    uint64_t genuine_path, alias_path, builder_path; // offsets
};

TailContent make_tail(const PatchRequest &request) {
    TailContent tail = {request.tail, 0, 0, 0};
    auto add = [&](const std::string &text) {
        uint64_t offset = tail.bytes.size();
        tail.bytes.insert(tail.bytes.end(), text.c_str(), text.c_str() + text.size() + 1);
        return offset;
    };
    tail.genuine_path = add(request.loader_path);
    tail.alias_path = add(request.state + "/" + kAliasName);
    tail.builder_path = add(request.builder);
    return tail;
}

// Takes `size` bytes from the first slack that has them (from executable slack only if asked to).
Outcome<ZeroSlack> take(std::vector<ZeroSlack> *slacks, uint64_t size, bool executable, const char *what,
                        const PatchRequest &request) {
    uint64_t largest = 0;
    for (ZeroSlack &slack : *slacks) {
        if (executable && !slack.executable)
            continue;
        largest = std::max(largest, slack.size);
        if (slack.size < size)
            continue;
        ZeroSlack taken = slack;
        taken.size = size;
        uint64_t used = std::min(align_up(size, 16), slack.size);
        slack.file_offset += used;
        slack.address += used;
        slack.size -= used;
        return taken;
    }
    return about_loader(request, "has no room for " + std::string(what) + ": " + std::to_string(size) +
                                     " bytes are needed, the largest unused piece has " +
                                     std::to_string(largest) + "; this ld.so is not supported");
}

void put(std::vector<char> *file, const ZeroSlack &place, const void *bytes) {
    std::memcpy(file->data() + place.file_offset, bytes, place.size);
    auto *header = reinterpret_cast<Elf64_Ehdr *>(file->data());
    auto *phdr = reinterpret_cast<Elf64_Phdr *>(file->data() + header->e_phoff) + place.segment;
    uint64_t grown = place.file_offset + place.size - phdr->p_offset;
    phdr->p_filesz = phdr->p_memsz = std::max(phdr->p_filesz, grown);
}

// Makes one segment, readable and executable, of all that come before the writable one: two mappings and two
// or three page faults less at each start. They are what separates ld.so's text from its constants, as
// linkers did before -z separate-code, and as the shared cache does for all libraries. Program headers keep
// their number and places, which ld.so's own link map tells. Segments that are laid out in another way
// stay as they are.
void merge_read_only_segments(std::vector<char> *file) {
    const auto *header = reinterpret_cast<const Elf64_Ehdr *>(file->data());
    auto *phdrs = reinterpret_cast<Elf64_Phdr *>(file->data() + header->e_phoff);
    std::vector<Elf64_Phdr *> merged;
    for (unsigned i = 0; i < header->e_phnum; i++) {
        Elf64_Phdr &phdr = phdrs[i];
        if (phdr.p_type != PT_LOAD)
            continue;
        if ((phdr.p_flags & PF_W) != 0)
            break;
        bool follows = merged.empty() || phdr.p_vaddr >= merged.back()->p_vaddr + merged.back()->p_memsz;
        if (phdr.p_vaddr != phdr.p_offset || phdr.p_memsz != phdr.p_filesz || !follows)
            return;
        merged.push_back(&phdr);
    }
    if (merged.size() < 2)
        return;
    Elf64_Phdr &first = *merged.front();
    const Elf64_Phdr &last = *merged.back();
    first.p_filesz = first.p_memsz = last.p_vaddr + last.p_memsz - first.p_vaddr;
    first.p_flags = PF_R | PF_X;
    for (size_t i = 1; i < merged.size(); i++)
        merged[i]->p_type = PT_NULL;
}

} // namespace

Outcome<std::vector<char>> patch_loader(const PatchRequest &request) {
    ElfView elf = TRY(open_loader(request));
    std::vector<ZeroSlack> slacks = TRY(find_zero_slack(elf, request.loader_path)); // checks the segments
    uint64_t resume = TRY(find_resume(request, elf));
    TRY(check_stage1(request));
    TRY(check_tail(request));
    std::stable_partition(slacks.begin(), slacks.end(),
                          [](const ZeroSlack &slack) { return slack.executable; });
    ZeroSlack code = TRY(take(&slacks, request.stage1.size(), true, "the first stage", request));

    LoaderConfig config;
    std::memcpy(&config, request.stage1.data() + kConfigOffset, sizeof config);
    config.address = code.address + kConfigOffset;
    config.genuine_entry = elf.header().e_entry;
    config.resume = resume;
    config.genuine = request.loader_identity;
    config.own_dev = request.own_dev;
    config.own_ino = request.own_ino;

    std::vector<char> file = request.loader;
    put(&file, code, request.stage1.data());
    std::string region_path = request.state + "/" + kRegionName;
    ZeroSlack place =
        TRY(take(&slacks, region_path.size() + 1, false, "the path of the state directory", request));
    put(&file, place, region_path.c_str());
    config.region_path = place.address;
    reinterpret_cast<Elf64_Ehdr *>(file.data())->e_entry = code.address;
    merge_read_only_segments(&file);

    TailContent tail = make_tail(request);
    config.tail = TRY(append_tail(&file, tail.bytes, request.loader_path));
    config.genuine_path = config.tail + tail.genuine_path;
    config.alias_path = config.tail + tail.alias_path;
    config.builder_path = config.tail + tail.builder_path;
    std::memcpy(file.data() + code.file_offset + kConfigOffset, &config, sizeof config);
    return file;
}

} // namespace sharedregion
