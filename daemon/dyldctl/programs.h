// SPDX-License-Identifier: GPL-2.0-or-later
// Which programs the arguments of `dyldctl build` (and `why`, `show`, `bench`) mean.
#pragma once

#include "sharedregion/failure.h"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace sharedregion {

enum class FileKind {
    Program,    // dynamic x86-64 ELF executable: has a PT_INTERP
    Static,     // ELF executable without PT_INTERP: nothing to speed up
    Library,    // ELF without PT_INTERP that is not executable on its own
    Foreign,    // ELF of another machine or word size
    Script,     // begins with #!
    Other,      // no executable file, or none of ours
    Unreadable, // no permission
};
const char *kind_text(FileKind kind);

struct ProgramFile {
    FileKind kind = FileKind::Other;
    std::string interpreter; // Program: PT_INTERP; Script: the word after #!
};

// Looks at what `path` is. Errors: the file cannot be opened or is damaged.
Outcome<ProgramFile> classify_program(const std::string &path);

// The path that a shell would execute for `name`: through PATH if it has no slash. Not canonical.
// Errors: ENOENT, EACCES.
Outcome<std::string> find_in_path(const std::string &name);

struct ProgramList {
    std::set<std::string> programs;          // canonical paths
    std::map<std::string, uint64_t> skipped; // kind_text -> count, of files in directories
    std::vector<std::string> notes;          // what a person should know (script: its interpreter was taken)
};

// Each argument is a directory (walked), a path or a name. A named file that is no dynamic program is an
// error.
Outcome<ProgramList> find_programs(const std::vector<std::string> &arguments);

// realpath(3) of one existing file.
Outcome<std::string> canonical_path(const std::string &path);

} // namespace sharedregion
