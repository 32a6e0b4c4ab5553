// SPDX-License-Identifier: GPL-2.0-or-later
// The program to capture: what its file tells before it runs, and whether a set can exist for it.
#pragma once

#include "builder/capture/capture.h"
#include "builder/capture/elf_facts.h"
#include "builder/capture/reject_reason.h"

namespace sharedregion {

inline Rejection rejected(RejectReason reason, std::string detail = "") {
    return Rejection{reject_word(reason), std::move(detail)};
}

struct ProgramFile {
    std::string path;
    FileIdentity identity;
    ElfFacts facts;
    AddressSpan span; // ELF VAs; relative to the load bias
    std::vector<WritableRange> writable;
    std::vector<std::vector<std::byte>> content; // per writable range, as mapped

    bool is_position_independent() const { return facts.header.e_type == ET_DYN; }
};

// Reads the program and rejects what can have no set. `loader_path`: the PT_INTERP that is served.
Result<ProgramFile, Rejection> read_program_file(const std::string &path, const std::string &loader_path);

} // namespace sharedregion
