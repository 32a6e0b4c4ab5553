// SPDX-License-Identifier: GPL-2.0-or-later
// BuilderOptions: what was asked. BuilderConfig: what follows from it; nothing changes it later.
#pragma once

#include "sharedregion/file_header.h"
#include "sharedregion/units.h"

#include <cstddef>
#include <string>
#include <vector>

namespace sharedregion {

struct BuilderOptions {
    std::string output;                                      // directory of the generation
    std::string loader_blob;                                 // file with the second stage; empty: none
    std::string interpreter = "/lib64/ld-linux-x86-64.so.2"; // the genuine ld.so (psABI 1.0, 5.2.1)
    std::vector<std::string> programs;                       // paths; a directory means all programs in it
    std::string shim;  // libdyldshim.so: capture each program with it preloaded too; empty: do not
    unsigned jobs = 0; // threads, 0: one per CPU
    unsigned capture_timeout_ms = 10000;
};

struct BuilderConfig {
    std::string interpreter;                      // canonical path of the genuine ld.so
    FileIdentity loader = {};                     // of that file
    std::string shim;                             // canonical path of the shim, empty: none
    std::vector<std::byte> loader_blob;           // content of the second stage
    VMSize heap_size = VMSize(16 << 20);          // VA for what ld.so allocates before constructors
    VMSize largest_stored_bss = VMSize(64 << 10); // larger bss is mapped anonymous
};

} // namespace sharedregion
