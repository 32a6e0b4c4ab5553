// SPDX-License-Identifier: GPL-2.0-or-later
// What kind of file a program is. (Asking for its libraries: library_list.cc.)
#include "builder/phases/program_probe.h"

#include "builder/capture/program_file.h"
#include "builder/capture/reject_reason.h"

namespace sharedregion {

namespace {

CacheProgram refused(CacheProgram program, RejectReason reason, std::string detail) {
    program.rejection = Rejection{reject_word(reason), std::move(detail)};
    return program;
}

bool is_genuine(const std::string &interpreter, const LoaderImage &loader) {
    Outcome<FileIdentity> identity = identity_of_path(interpreter);
    return identity.ok() && identity.value() == loader.identity;
}

} // namespace

CacheProgram probe_program(const std::string &path, const LoaderImage &loader) {
    CacheProgram program;
    program.path = path;
    Outcome<std::string> canonical = canonical_path(path);
    if (!canonical.ok())
        return refused(std::move(program), RejectReason::NotFound, canonical.error().message());
    program.path = canonical.value();
    // Also of one that is rejected: another file may be better.
    Outcome<FileIdentity> identity = identity_of_path(program.path);
    if (identity.ok())
        program.identity = identity.value();
    auto headers = read_program_headers(program.path);
    if (!headers.ok()) {
        program.rejection = std::move(headers.error());
        return program;
    }
    const ElfFacts &facts = headers.value().facts;
    program.identity = headers.value().file.identity();
    program.interpreter = facts.interpreter;
    if (!is_genuine(program.interpreter, loader))
        return refused(std::move(program), RejectReason::OtherInterpreter, facts.interpreter);
    program.key = program_key(facts.build_id, facts.phdr_hash);
    return program;
}

} // namespace sharedregion
