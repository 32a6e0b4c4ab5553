// SPDX-License-Identifier: GPL-2.0-or-later
#include "builder/capture/program_file.h"

#include "sharedregion/secure_start.h"

#include <cerrno>
#include <unistd.h>

namespace sharedregion {

namespace {

Rejection open_rejection(const Failure &failure) {
    if (failure.code == EACCES || failure.code == EPERM)
        return rejected(RejectReason::NoPermission, failure.message());
    if (failure.code == EISDIR)
        return rejected(RejectReason::NotElf, "not a regular file");
    return rejected(RejectReason::NotFound, failure.message());
}

// Whether the file begins like a script or like an ELF of another kind: each has its own word.
Result<Success, Rejection> check_kind(const InputFile &file) {
    auto ident = file.read_up_to(0, sizeof(Elf64_Ehdr));
    if (!ident.ok())
        return rejected(RejectReason::NotFound, ident.error().message());
    ByteView bytes(ident.value().data(), ident.value().size());
    const auto *magic = bytes.data();
    if (bytes.size() >= 2 && magic[0] == '#' && magic[1] == '!')
        return rejected(RejectReason::NotElf, "a script; its interpreter can have a set");
    if (bytes.size() < EI_NIDENT || magic[0] != ELFMAG0 || magic[1] != 'E' || magic[2] != 'L' ||
        magic[3] != 'F')
        return rejected(RejectReason::NotElf, "no ELF magic");
    const auto *header = bytes.at<Elf64_Ehdr>(0);
    if (header == nullptr)
        return rejected(RejectReason::MalformedElf, "shorter than an ELF header");
    if (magic[EI_CLASS] != ELFCLASS64 || magic[EI_DATA] != ELFDATA2LSB || header->e_machine != EM_X86_64)
        return rejected(RejectReason::OtherMachine, "e_machine " + std::to_string(header->e_machine) +
                                                        (magic[EI_CLASS] == ELFCLASS32 ? ", 32 bit" : ""));
    if (header->e_type != ET_EXEC && header->e_type != ET_DYN)
        return rejected(RejectReason::NotElf, "an object file or core dump, not a program");
    return Success{};
}

Result<Success, Rejection> check_privileges(const InputFile &file) {
    if (starts_secure(file.path(), file.info()))
        return rejected(RejectReason::SetUserId, "set-user-ID, set-group-ID or file capabilities");
    if (access(file.path().c_str(), X_OK) != 0)
        return rejected(RejectReason::NoPermission, "not executable");
    return Success{};
}

Result<Success, Rejection> check_headers(const ElfFacts &facts, const std::string &loader_path) {
    if (facts.interpreter.empty())
        return rejected(RejectReason::StaticProgram);
    if (facts.interpreter != loader_path)
        return rejected(RejectReason::OtherInterpreter, facts.interpreter);
    const Elf64_Phdr *stack = facts.segment(PT_GNU_STACK);
    if (stack != nullptr && (stack->p_flags & PF_X) != 0)
        return rejected(RejectReason::ExecutableStack, "PT_GNU_STACK is executable");
    // It lies in the region's loader heap, and the region's base is a multiple of 2 MiB.
    const Elf64_Phdr *tls = facts.segment(PT_TLS);
    if (tls != nullptr && tls->p_align > kLargePageSize)
        return rejected(RejectReason::LargeAlignment, "p_align " + std::to_string(tls->p_align));
    return Success{};
}

} // namespace

Result<ProgramFile, Rejection> read_program_file(const std::string &path, const std::string &loader_path) {
    auto opened = InputFile::open(path);
    if (!opened.ok())
        return open_rejection(opened.error());
    const InputFile &file = opened.value();
    TRY(check_kind(file));
    TRY(check_privileges(file));
    auto malformed = [](const std::string &why) { return rejected(RejectReason::MalformedElf, why); };
    auto facts = read_elf_facts(file);
    if (!facts.ok())
        return malformed(facts.error().message());
    TRY(check_headers(facts.value(), loader_path));
    auto ranges = writable_ranges(facts.value().segments());
    if (!ranges.ok())
        return malformed(ranges.error().what);
    auto content = read_writable_content(file, facts.value().segments(), ranges.value());
    if (!content.ok())
        return malformed(content.error().message());
    AddressSpan span = load_span(facts.value().segments());
    return ProgramFile{path, file.identity(),           std::move(facts.value()),
                       span, std::move(ranges.value()), std::move(content.value())};
}

} // namespace sharedregion
