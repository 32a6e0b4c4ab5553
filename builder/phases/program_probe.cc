// SPDX-License-Identifier: GPL-2.0-or-later
// What kind of file a program is. (Asking for its libraries: library_list.cc.)
#include "builder/phases/program_probe.h"

#include "builder/bind/binder.h"
#include "builder/bind/sanitizer_layout.h"
#include "builder/capture/reject_reason.h"
#include "builder/support/file.h"
#include "sharedregion/elf_view.h"
#include "sharedregion/secure_start.h"

#include <unistd.h>

namespace sharedregion {

namespace {

// Enough for the headers and notes of every program; larger tables are read as needed.
constexpr uint64_t kHeaderBytes = 64 << 10;

CacheProgram refused(CacheProgram program, RejectReason reason, std::string detail) {
    program.rejection = Rejection{reject_word(reason), std::move(detail)};
    return program;
}

std::string interpreter_of(const ElfView &elf) {
    const Elf64_Phdr *phdr = elf.phdr(PT_INTERP);
    ByteView bytes = phdr != nullptr ? elf.bytes().part(phdr->p_offset, phdr->p_filesz) : ByteView();
    const char *text = bytes.string(0);
    return text != nullptr ? text : "";
}

bool is_genuine(const std::string &interpreter, const FileIdentity &loader) {
    Outcome<FileIdentity> identity = identity_of_path(interpreter);
    return identity.ok() && identity.value() == loader;
}

} // namespace

CacheProgram probe_program(const std::string &path, const FileIdentity &loader) {
    CacheProgram program;
    program.path = path;
    Outcome<std::string> canonical = canonical_path(path);
    if (!canonical.ok())
        return refused(std::move(program), RejectReason::NotFound, canonical.error().message());
    program.path = canonical.value();
    Outcome<FileDescriptor> file = open_to_read(program.path);
    if (!file.ok())
        return refused(std::move(program), RejectReason::NotFound, file.error().message());
    struct stat status;
    if (fstat(file.value().get(), &status) != 0 || !S_ISREG(status.st_mode))
        return refused(std::move(program), RejectReason::NotElf, "not a regular file");
    program.identity = identity_of(status);
    auto bytes = read_at(file.value().get(), 0, kHeaderBytes, program.path);
    if (!bytes.ok())
        return refused(std::move(program), RejectReason::NotFound, bytes.error().message());
    ByteView view(bytes.value().data(), bytes.value().size());
    const auto *ident = view.at<Elf64_Ehdr>(0);
    if (ident == nullptr || std::memcmp(ident->e_ident, ELFMAG, SELFMAG) != 0)
        return refused(std::move(program), RejectReason::NotElf, "no ELF header");
    Result<ElfView> elf = ElfView::open(view);
    if (!elf.ok())
        return refused(std::move(program), RejectReason::OtherMachine, elf.error().what);
    program.interpreter = interpreter_of(elf.value());
    if (elf.value().phdr(PT_INTERP) == nullptr)
        return refused(std::move(program), RejectReason::StaticProgram, "no PT_INTERP");
    std::string interpreter = program.interpreter;
    if (!is_genuine(interpreter, loader))
        return refused(std::move(program), RejectReason::OtherInterpreter, interpreter);
    program.key = program_key(elf.value().build_id(), hash_program_headers(elf.value().phdrs()));
    if (starts_secure(program.path, status))
        return refused(std::move(program), RejectReason::SetUserId,
                       "set-user-ID, set-group-ID or file capabilities");
    if (access(program.path.c_str(), X_OK) != 0)
        return refused(std::move(program), RejectReason::NoPermission, "not executable by the caller");
    return program;
}

void check_program_content(CacheProgram *program) {
    Outcome<FileDescriptor> file = open_unchanged(program->path, program->identity);
    if (!file.ok())
        return; // capture says it
    Result<ElfImage> elf = read_elf_image(file.value().get());
    if (!elf.ok())
        return;
    std::string_view runtime = sanitizer_with_fixed_layout(elf.value(), file.value().get());
    if (!runtime.empty())
        program->rejection =
            Rejection{reject_word(RejectReason::SanitizerLayout), "has " + std::string(runtime)};
    else if (Status lazy = check_lazy_binding(elf.value()); !lazy.ok())
        program->rejection = Rejection{reject_word(RejectReason::MalformedElf),
                                       Failure::of(lazy.error(), program->path).message()};
}

} // namespace sharedregion
