// SPDX-License-Identifier: GPL-2.0-or-later
#include "builder/capture/loader_image.h"

#include "builder/capture/stop.h"
#include "sharedregion/units.h"

#include <cstring>

namespace sharedregion {

namespace {

constexpr uint64_t kEntryBytes = 16;

ByteView view(const std::vector<std::byte> &bytes) {
    return ByteView(bytes.data(), bytes.size());
}

// The file offset of an address inside a PT_LOAD; ~0 where there is none.
uint64_t file_offset(const ElfFacts &facts, uint64_t address) {
    for (const Elf64_Phdr &phdr : facts.phdrs)
        if (phdr.p_type == PT_LOAD && address >= phdr.p_vaddr && address - phdr.p_vaddr < phdr.p_filesz)
            return address - phdr.p_vaddr + phdr.p_offset;
    return ~0ULL;
}

// The value of a defined dynamic symbol, by the section headers (ld.so always has them: debuggers and
// valgrind need them too); 0 where it is not found.
uint64_t find_dynamic_symbol(const InputFile &file, const ElfFacts &facts, const char *name) {
    auto headers = file.read(facts.header.e_shoff, uint64_t(facts.header.e_shnum) * sizeof(Elf64_Shdr));
    Span<const Elf64_Shdr> sections;
    if (!headers.ok() || !view(headers.value()).array(0, facts.header.e_shnum, &sections))
        return 0;
    for (const Elf64_Shdr &section : sections) {
        if (section.sh_type != SHT_DYNSYM || section.sh_link >= sections.size())
            continue;
        auto table = file.read(section.sh_offset, section.sh_size);
        auto strings = file.read(sections[section.sh_link].sh_offset, sections[section.sh_link].sh_size);
        Span<const Elf64_Sym> symbols;
        if (!table.ok() || !strings.ok() ||
            !view(table.value()).array(0, section.sh_size / sizeof(Elf64_Sym), &symbols))
            return 0;
        for (const Elf64_Sym &symbol : symbols) {
            const char *found = view(strings.value()).string(symbol.st_name);
            if (symbol.st_shndx != SHN_UNDEF && found != nullptr && std::strcmp(found, name) == 0)
                return symbol.st_value;
        }
    }
    return 0;
}

// Address of a `syscall` instruction (or of the same bytes inside another one) in the text.
Outcome<uint64_t> find_system_call(const InputFile &file, const ElfFacts &facts) {
    for (const Elf64_Phdr &phdr : facts.phdrs) {
        if (phdr.p_type != PT_LOAD || (phdr.p_flags & PF_X) == 0)
            continue;
        auto text = TRY(file.read(phdr.p_offset, phdr.p_filesz));
        for (uint64_t i = 0; i + 1 < text.size(); i++)
            if (text[i] == std::byte(0x0f) && text[i + 1] == std::byte(0x05))
                return phdr.p_vaddr + i;
    }
    return Failure::about(file.path(), "ld.so has no syscall instruction");
}

DebugHook read_debug_hook(const InputFile &file, const LoaderImage &image) {
    auto code = file.read_up_to(file_offset(image.facts, image.debug_state), kDebugHookRoom);
    if (image.debug_state == 0 || !code.ok() || image.content.empty())
        return DebugHook{};
    for (const Elf64_Phdr &phdr : image.facts.phdrs)
        if (phdr.p_type == PT_LOAD && (phdr.p_flags & PF_W) != 0)
            return find_debug_hook(image.debug_state, view(code.value()), phdr.p_vaddr,
                                   view(image.content[0]));
    return DebugHook{};
}

Outcome<uint64_t> read_resume(const InputFile &file, const ElfFacts &facts) {
    auto code = TRY(file.read_up_to(file_offset(facts, facts.header.e_entry), kEntryBytes));
    auto stop = find_stop_point(view(code));
    if (!stop.ok())
        return Failure::of(stop.error(), file.path());
    return facts.header.e_entry + stop.value();
}

} // namespace

bool LoaderImage::is_relro(uint64_t offset, uint64_t size) const {
    const Elf64_Phdr *relro = facts.segment(PT_GNU_RELRO);
    if (relro == nullptr)
        return false;
    uint64_t end = align_down(relro->p_vaddr + relro->p_memsz, kPageSize);
    return offset >= relro->p_vaddr && offset + size <= end;
}

Outcome<LoaderImage> read_loader_image(const std::string &path) {
    InputFile file = TRY(InputFile::open(path));
    LoaderImage image;
    image.path = path;
    image.identity = file.identity();
    image.facts = TRY(read_elf_facts(file));
    auto ranges = writable_ranges(image.facts.segments());
    if (!ranges.ok())
        return Failure::of(ranges.error(), path);
    image.writable = std::move(ranges.value());
    image.span = load_span(image.facts.segments());
    if (image.span.begin != 0)
        return Failure::about(path, "ld.so is not linked for address 0", image.span.begin);
    image.content = TRY(read_writable_content(file, image.facts.segments(), image.writable));
    image.resume = TRY(read_resume(file, image.facts));
    image.debug_state = find_dynamic_symbol(file, image.facts, "_dl_debug_state");
    image.system_call = TRY(find_system_call(file, image.facts));
    image.hook = read_debug_hook(file, image);
    return image;
}

} // namespace sharedregion
