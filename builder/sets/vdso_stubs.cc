// SPDX-License-Identifier: GPL-2.0-or-later
#include "builder/sets/vdso_stubs.h"

#include <algorithm>
#include <cstring>
#include <optional>

namespace sharedregion {

namespace {

const CapturedPage *page_of(const ProgramCapture &capture, Space space, uint64_t offset) {
    const auto key = std::pair(space, align_down(offset, kPageSize));
    auto page = std::lower_bound(capture.pages.begin(), capture.pages.end(), key,
                                 [](const CapturedPage &one, const auto &wanted) {
                                     return std::pair(one.space, one.offset) < wanted;
                                 });
    return page != capture.pages.end() && std::pair(page->space, page->offset) == key ? &*page : nullptr;
}

uint64_t word_at(const std::byte *page, uint64_t offset) {
    uint64_t word;
    std::memcpy(&word, page + offset % kPageSize, sizeof word);
    return word;
}

// What a word of the class Vdso in a page of the program's own holds without the class's value: which
// function it is.
std::optional<uint64_t> addend_of(const ProgramCapture &capture, Space space, uint64_t offset) {
    const CapturedPage *page = page_of(capture, space, offset);
    return page != nullptr ? std::optional(word_at(page->content.data(), offset)) : std::nullopt;
}

// The same of a word of ld.so, whose page may be as in the base content.
std::optional<uint64_t> addend_of_loader(const ProgramCapture &capture, const BaseContent &base,
                                         uint64_t offset) {
    const std::byte *page = base.page(VMOffset(align_down(offset, kPageSize)));
    std::optional<uint64_t> own = addend_of(capture, Space::Region, offset);
    return own || page == nullptr ? own : std::optional(word_at(page, offset));
}

const std::vector<uint64_t> &vdso_words_of(const ProgramCapture &capture, Space space) {
    static const std::vector<uint64_t> kNone;
    auto list = capture.fixups.find({space, FixupClass::Vdso});
    return list != capture.fixups.end() ? list->second : kNone;
}

bool is_loaders(const LoaderExtent &loader, Space space, uint64_t offset) {
    return space == Space::Region && VMOffset(offset) >= loader.image && VMOffset(offset) < loader.end;
}

// A pointer that is jumped by has to be read-only.
bool is_relro(const ProgramCapture &capture, uint64_t offset) {
    return std::any_of(capture.protects.begin(), capture.protects.end(), [&](const SetProtect &protect) {
        return Space(protect.space) == Space::Region && offset >= protect.offset &&
               offset - protect.offset < protect.size;
    });
}

// ld.so's own word of the same function; 0: it has none.
uint64_t word_of_loader(const ProgramCapture &capture, const LoaderExtent &loader, const BaseContent &base,
                        uint64_t addend) {
    for (uint64_t offset : vdso_words_of(capture, Space::Region))
        if (VMOffset(offset) >= loader.image && VMOffset(offset) < loader.heap && is_relro(capture, offset) &&
            addend_of_loader(capture, base, offset) == addend)
            return offset;
    return 0;
}

// What each stub jumps to in this program.
using Addends = std::array<std::optional<uint64_t>, kVdsoStubs>;

Addends addends_of(const ProgramCapture &capture, const BaseContent &base, const VdsoWords &words) {
    const std::vector<uint64_t> &known = vdso_words_of(capture, Space::Region);
    Addends addends;
    for (size_t i = 0; i < words.size(); i++)
        if (words[i] != 0 && std::binary_search(known.begin(), known.end(), words[i]))
            addends[i] = addend_of_loader(capture, base, words[i]);
    return addends;
}

void store_stub(size_t i, CapturedPage *page, uint64_t offset) {
    const uint64_t stub = vdso_stub_offset(i);
    const auto at = static_cast<uint16_t>(offset % kPageSize);
    std::memcpy(page->content.data() + at, &stub, sizeof stub);
    page->slide.insert(std::lower_bound(page->slide.begin(), page->slide.end(), at), at);
}

} // namespace

void choose_vdso_words(const ProgramCapture &capture, const LoaderExtent &loader, const BaseContent &base,
                       VdsoWords *words) {
    for (Space space : {Space::Region, Space::Program})
        for (uint64_t offset : vdso_words_of(capture, space)) {
            const std::optional<uint64_t> addend = addend_of(capture, space, offset);
            // (0 is the vDSO itself, as getauxval(AT_SYSINFO_EHDR) gives it: data, not a function.)
            if (is_loaders(loader, space, offset) || addend.value_or(0) == 0)
                continue;
            const Addends known = addends_of(capture, base, *words);
            if (std::find(known.begin(), known.end(), addend) != known.end())
                continue;
            if (auto unused = std::find(words->begin(), words->end(), 0); unused != words->end())
                *unused = word_of_loader(capture, loader, base, *addend);
        }
}

void use_vdso_stubs(const VdsoWords &words, const LoaderExtent &loader, const BaseContent &base,
                    ProgramCapture *capture) {
    const Addends addends = addends_of(*capture, base, words);
    for (Space space : {Space::Region, Space::Program}) {
        auto list = capture->fixups.find({space, FixupClass::Vdso});
        if (list == capture->fixups.end())
            continue;
        std::erase_if(list->second, [&](uint64_t offset) {
            const std::optional<uint64_t> addend = addend_of(*capture, space, offset);
            const auto stub = std::find(addends.begin(), addends.end(), addend);
            if (is_loaders(loader, space, offset) || !addend || stub == addends.end())
                return false;
            store_stub(static_cast<size_t>(stub - addends.begin()),
                       const_cast<CapturedPage *>(page_of(*capture, space, offset)), offset);
            return true;
        });
        if (list->second.empty())
            capture->fixups.erase(list);
    }
}

std::array<std::byte, kVdsoStubSize> vdso_stub(size_t i, uint64_t word) {
    // endbr64; jmp *distance(%rip); int3 ... (SDM volume 2: the distance counts from the next instruction.)
    constexpr unsigned char kCode[] = {0xf3, 0x0f, 0x1e, 0xfa, 0xff, 0x25};
    std::array<std::byte, kVdsoStubSize> code;
    code.fill(std::byte(0xcc));
    std::memcpy(code.data(), kCode, sizeof kCode);
    const auto distance = static_cast<int32_t>(word - (vdso_stub_offset(i) + sizeof kCode + sizeof(int32_t)));
    std::memcpy(code.data() + sizeof kCode, &distance, sizeof distance);
    return code;
}

} // namespace sharedregion
