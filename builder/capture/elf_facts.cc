// SPDX-License-Identifier: GPL-2.0-or-later
#include "builder/capture/elf_facts.h"

#include "sharedregion/units.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace sharedregion {

namespace {

// Everything that read_elf_facts() needs lies here in all but contrived files.
constexpr uint64_t kHeaderWindow = 64 * 1024;
constexpr uint64_t kMaxNotes = 1 << 20;

bool is_writable_load(const Elf64_Phdr &phdr) {
    return phdr.p_type == PT_LOAD && (phdr.p_flags & PF_W) != 0 && phdr.p_memsz != 0;
}

// Sizes as a loader accepts them: no overflow, inside user space, file part inside memory part.
bool is_sane_load(const Elf64_Phdr &phdr) {
    constexpr uint64_t kLimit = 1ULL << 47;
    return phdr.p_vaddr < kLimit && phdr.p_memsz < kLimit && phdr.p_filesz <= phdr.p_memsz &&
           phdr.p_offset < kLimit && (phdr.p_vaddr - phdr.p_offset) % kPageSize == 0;
}

ByteView view(const std::vector<std::byte> &bytes) {
    return ByteView(bytes.data(), bytes.size());
}

} // namespace

Result<std::vector<WritableRange>> writable_ranges(Span<const Elf64_Phdr> phdrs) {
    std::vector<WritableRange> ranges;
    for (const Elf64_Phdr &phdr : phdrs) {
        if (phdr.p_type == PT_LOAD && !is_sane_load(phdr))
            return Error{EINVAL, "a PT_LOAD has sizes or offsets that no loader maps", phdr.p_vaddr};
        if (!is_writable_load(phdr))
            continue;
        uint64_t begin = align_down(phdr.p_vaddr, kPageSize);
        uint64_t file_end = phdr.p_filesz == 0 ? begin : align_up(phdr.p_vaddr + phdr.p_filesz, kPageSize);
        uint64_t end = align_up(phdr.p_vaddr + phdr.p_memsz, kPageSize);
        WritableRange range{begin, end - begin, file_end - begin};
        if (!ranges.empty() && range.begin < ranges.back().begin + ranges.back().size) {
            // Two segments in one page: both are mapped, the later one over the earlier one.
            WritableRange &last = ranges.back();
            if (range.begin < last.begin || last.file_span != last.size)
                return Error{EINVAL, "writable PT_LOADs overlap or are out of order", phdr.p_vaddr};
            last.file_span = std::max(last.size, range.begin + range.file_span - last.begin);
            last.size = std::max(last.size, end - last.begin);
            continue;
        }
        ranges.push_back(range);
    }
    return ranges;
}

AddressSpan load_span(Span<const Elf64_Phdr> phdrs) {
    AddressSpan span{UINT64_MAX, 0};
    for (const Elf64_Phdr &phdr : phdrs) {
        if (phdr.p_type != PT_LOAD)
            continue;
        span.begin = std::min(span.begin, align_down(phdr.p_vaddr, kPageSize));
        span.end = std::max(span.end, align_up(phdr.p_vaddr + phdr.p_memsz, kPageSize));
    }
    return span.end == 0 ? AddressSpan{0, 0} : span;
}

const Elf64_Phdr *ElfFacts::segment(uint32_t type) const {
    for (const Elf64_Phdr &phdr : phdrs)
        if (phdr.p_type == type)
            return &phdr;
    return nullptr;
}

namespace {

Outcome<BuildId> read_build_id(const InputFile &file, const ElfFacts &facts) {
    for (const Elf64_Phdr &phdr : facts.phdrs) {
        if (phdr.p_type != PT_NOTE || phdr.p_filesz > kMaxNotes)
            continue;
        auto notes = TRY(file.read(phdr.p_offset, phdr.p_filesz));
        BuildId id = find_build_id(view(notes));
        if (id.size != 0)
            return id;
    }
    return BuildId{};
}

Outcome<std::string> read_interpreter(const InputFile &file, const ElfFacts &facts) {
    const Elf64_Phdr *phdr = facts.segment(PT_INTERP);
    if (phdr == nullptr)
        return std::string();
    if (phdr->p_filesz < 2 || phdr->p_filesz > 4096)
        return Failure::about(file.path(), "PT_INTERP is no path", phdr->p_offset);
    auto bytes = TRY(file.read(phdr->p_offset, phdr->p_filesz));
    const char *text = view(bytes).string(0);
    if (text == nullptr)
        return Failure::about(file.path(), "PT_INTERP does not end with NUL", phdr->p_offset);
    return std::string(text);
}

} // namespace

Outcome<ElfFacts> read_elf_facts(const InputFile &file) {
    auto window = TRY(file.read_up_to(0, kHeaderWindow));
    auto opened = ElfView::open(view(window));
    if (!opened.ok())
        return Failure::of(opened.error(), file.path());
    const ElfView &elf = opened.value();
    ElfFacts facts;
    facts.header = elf.header();
    facts.phdrs.assign(elf.phdrs().begin(), elf.phdrs().end());
    facts.phdr_hash = hash_program_headers(elf.phdrs());
    facts.build_id = TRY(read_build_id(file, facts));
    facts.interpreter = TRY(read_interpreter(file, facts));
    return facts;
}

Outcome<std::vector<std::vector<std::byte>>> read_writable_content(const InputFile &file,
                                                                   Span<const Elf64_Phdr> phdrs,
                                                                   const std::vector<WritableRange> &ranges) {
    std::vector<std::vector<std::byte>> contents;
    for (const WritableRange &range : ranges) {
        if (range.file_span > align_up(file.size(), kPageSize) + kPageSize)
            return Failure::about(file.path(), "a PT_LOAD lies outside the file", range.begin);
        std::vector<std::byte> content(range.file_span);
        for (const Elf64_Phdr &phdr : phdrs) {
            if (!is_writable_load(phdr) || phdr.p_filesz == 0 || phdr.p_vaddr < range.begin ||
                phdr.p_vaddr >= range.begin + range.file_span)
                continue;
            uint64_t begin = align_down(phdr.p_vaddr, kPageSize);
            uint64_t head = phdr.p_vaddr - begin; // p_offset has the same rest by page (checked above)
            uint64_t span = align_up(head + phdr.p_filesz, kPageSize);
            auto bytes = TRY(file.read_up_to(phdr.p_offset - head, span));
            if (bytes.size() < head + phdr.p_filesz)
                return Failure::about(file.path(), "a PT_LOAD lies outside the file", phdr.p_offset);
            if (phdr.p_memsz > phdr.p_filesz)
                bytes.resize(head + phdr.p_filesz);
            bytes.resize(span);
            std::memcpy(content.data() + (begin - range.begin), bytes.data(), span);
        }
        contents.push_back(std::move(content));
    }
    return contents;
}

} // namespace sharedregion
