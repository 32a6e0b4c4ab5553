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

Result<Success, Rejection> check_headers(const ElfFacts &facts) {
    if (facts.interpreter.empty())
        return rejected(RejectReason::StaticProgram, "no PT_INTERP");
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

Result<ProgramHeaders, Rejection> read_program_headers(const std::string &path) {
    auto file = InputFile::open(path);
    if (!file.ok())
        return open_rejection(file.error());
    TRY(check_kind(file.value()));
    TRY(check_privileges(file.value()));
    auto facts = read_elf_facts(file.value());
    if (!facts.ok())
        return rejected(RejectReason::MalformedElf, facts.error().message());
    TRY(check_headers(facts.value()));
    return ProgramHeaders{std::move(file.value()), std::move(facts.value())};
}

Result<ProgramFile, Rejection> read_program_file(const std::string &path, const std::string &loader_path) {
    ProgramHeaders headers = TRY(read_program_headers(path));
    const ElfFacts &facts = headers.facts;
    if (facts.interpreter != loader_path)
        return rejected(RejectReason::OtherInterpreter, facts.interpreter);
    auto ranges = writable_ranges(facts.segments());
    if (!ranges.ok())
        return rejected(RejectReason::MalformedElf, ranges.error().what);
    auto content = read_writable_content(headers.file, facts.segments(), ranges.value());
    if (!content.ok())
        return rejected(RejectReason::MalformedElf, content.error().message());
    AddressSpan span = load_span(facts.segments());
    return ProgramFile{path, headers.file.identity(),   std::move(headers.facts),
                       span, std::move(ranges.value()), std::move(content.value())};
}

} // namespace sharedregion
