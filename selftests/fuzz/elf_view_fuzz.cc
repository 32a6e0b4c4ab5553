// SPDX-License-Identifier: GPL-2.0-or-later
// Fuzz target: ElfView and find_build_id over arbitrary bytes (include/sharedregion/elf_view.h).
#include "sharedregion/elf_view.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>

using namespace sharedregion;

namespace {

// Reads every byte that the view hands out, so that the address sanitizer sees each access.
uint64_t consume(const ElfView &view) {
    uint64_t sum = hash_program_headers(view.phdrs());
    for (uint32_t type : {PT_INTERP, PT_DYNAMIC, PT_NOTE, PT_TLS, PT_GNU_RELRO}) {
        const Elf64_Phdr *phdr = view.phdr(type);
        if (phdr == nullptr)
            continue;
        ByteView part = view.bytes().part(phdr->p_offset, phdr->p_filesz);
        sum = fnv1a(part.data(), part.size(), sum);
        if (const char *text = view.bytes().string(phdr->p_offset))
            sum += std::strlen(text);
    }
    BuildId id = view.build_id();
    if (id.size > sizeof id.bytes)
        std::abort();
    return sum ^ program_key(id, sum);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    // A copy of the exact size: one byte read past its end is a report.
    void *bytes = std::malloc(size);
    if (bytes == nullptr && size != 0)
        return 0;
    std::memcpy(bytes, data, size);
    auto opened = ElfView::open(ByteView(bytes, size));
    volatile uint64_t sink = opened.ok() ? consume(opened.value()) : opened.error().where;
    (void)sink;
    sink = find_build_id(ByteView(bytes, size)).size;
    std::free(bytes);
    return 0;
}
