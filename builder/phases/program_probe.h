// SPDX-License-Identifier: GPL-2.0-or-later
// Whether a file is a program that the cache can serve, and which libraries ld.so loads for it.
#pragma once

#include "builder/model/cache_model.h"

namespace sharedregion {

// Fills path, identity, key, interpreter; or rejection, where the file is no dynamic x86-64 program of the
// genuine ld.so, or would run with more privileges than its caller has.
CacheProgram probe_program(const std::string &path, const FileIdentity &loader);

// Fills the rejection of an accepted program for what capture would not notice: the program stops when its
// own code runs, or ld.so when it binds lazily.
void check_program_content(CacheProgram *program);

// One line of ld.so's list.
struct ListedLibrary {
    std::string name; // as in DT_NEEDED
    std::string path; // where it was found; empty: not found
};

// Asks the genuine ld.so, which maps the libraries but runs none of their code
// (LD_TRACE_LOADED_OBJECTS). Only for programs that probe_program() accepted. The error says what ld.so
// said.
Result<std::vector<ListedLibrary>, Rejection> list_libraries(const CacheProgram &program,
                                                             unsigned timeout_ms);

// The libraries in the text that ld.so printed; without vDSO and ld.so itself.
std::vector<ListedLibrary> parse_library_list(const std::string &text, const std::string &interpreter);

} // namespace sharedregion
