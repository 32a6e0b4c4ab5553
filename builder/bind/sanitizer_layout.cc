// SPDX-License-Identifier: GPL-2.0-or-later
#include "builder/bind/sanitizer_layout.h"

#include "builder/support/file.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace sharedregion {
namespace {

constexpr std::string_view kSymbols[] = {"__tsan_init", "__msan_init", "__dfsan_arg_tls"};

// A message of a runtime that is linked statically: gcc exports none of its symbols, and `strip` takes
// .symtab. A whole sentence, since compilers hold the sanitizers' names. In two parts, so that programs which
// hold this table are not taken for one.
struct Message {
    std::string_view sanitizer, rest;
};
constexpr Message kMessages[] = {
    {"ThreadSanitizer", ": unexpected memory mapping"},
    {"MemorySanitizer", " can not mmap the shadow memory"},
    {"DataFlowSanitizer", ": call to uninstrumented function"},
};

constexpr uint64_t kChunk = 1 << 20;
constexpr uint64_t kOverlap = 64; // of chunks: a message may lie across their border

bool holds(const std::vector<std::byte> &bytes, std::string_view text) {
    return memmem(bytes.data(), bytes.size(), text.data(), text.size()) != nullptr;
}

std::string_view sanitizer_by_message(const std::vector<std::byte> &bytes) {
    if (!holds(bytes, "Sanitizer")) // nearly all: one search instead of three
        return {};
    for (const Message &message : kMessages)
        if (holds(bytes, std::string(message.sanitizer).append(message.rest)))
            return message.sanitizer;
    return {};
}

std::string_view sanitizer_by_message(const ElfSegment &segment, int fd) {
    for (uint64_t begin = 0; begin < segment.file_size; begin += kChunk) {
        uint64_t size = std::min(kChunk + kOverlap, segment.file_size - begin);
        Outcome<std::vector<std::byte>> bytes = read_at(fd, segment.offset + begin, size, {});
        if (!bytes.ok())
            return {};
        std::string_view found = sanitizer_by_message(bytes.value());
        if (!found.empty())
            return found;
    }
    return {};
}

} // namespace

std::string_view sanitizer_with_fixed_layout(const ElfImage &elf, int fd) {
    for (const Elf64_Sym &symbol : elf.symbols)
        for (std::string_view known : kSymbols)
            if (elf.name(symbol) == known)
                return known;
    for (const ElfSegment &segment : elf.segments) {
        std::string_view found = segment.writable() ? std::string_view() : sanitizer_by_message(segment, fd);
        if (!found.empty())
            return found;
    }
    return {};
}

} // namespace sharedregion
