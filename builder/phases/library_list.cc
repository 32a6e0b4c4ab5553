// SPDX-License-Identifier: GPL-2.0-or-later
// Asking the genuine ld.so for a program's libraries (ld.so(8), LD_TRACE_LOADED_OBJECTS).
#include "builder/phases/program_probe.h"

#include "builder/capture/program_file.h"
#include "builder/support/run_command.h"

namespace sharedregion {

namespace {

std::string trimmed(const std::string &line) {
    size_t begin = line.find_first_not_of(" \t");
    size_t end = line.find_last_not_of(" \t\n");
    return begin == std::string::npos ? "" : line.substr(begin, end - begin + 1);
}

std::string without_address(const std::string &text) {
    return text.substr(0, text.rfind(" (0x"));
}

} // namespace

// Lines: "NAME => PATH (0x...)", "NAME => not found", "PATH (0x...)"; the vDSO has a name only.
std::vector<ListedLibrary> parse_library_list(const std::string &text, const std::string &interpreter) {
    std::vector<ListedLibrary> libraries;
    for (size_t begin = 0; begin < text.size();) {
        size_t end = std::min(text.find('\n', begin), text.size());
        std::string line = trimmed(text.substr(begin, end - begin));
        begin = end + 1;
        size_t arrow = line.find(" => ");
        ListedLibrary library;
        if (arrow != std::string::npos) {
            library.name = line.substr(0, arrow);
            std::string found = line.substr(arrow + 4);
            library.path = found == "not found" ? "" : without_address(found);
        } else {
            library.name = library.path = without_address(line);
            if (library.path.empty() || library.path[0] != '/')
                continue;
        }
        if (library.path != interpreter)
            libraries.push_back(std::move(library));
    }
    return libraries;
}

Result<std::vector<ListedLibrary>, Rejection> list_libraries(const CacheProgram &program,
                                                             unsigned timeout_ms) {
    std::vector<std::string> environment = {"LD_TRACE_LOADED_OBJECTS=1"};
    if (!program.preload.empty())
        environment.push_back("LD_PRELOAD=" + program.preload);
    CommandResult result = run_command({program.path}, environment, timeout_ms);
    if (result.timed_out)
        return rejected(RejectReason::Timeout, "ld.so did not list the libraries in time");
    if (result.error != 0)
        return rejected(RejectReason::MissingLibrary,
                        std::string("ld.so cannot be asked: ") + strerror(result.error));
    if (result.status != 0)
        return rejected(RejectReason::MissingLibrary, trimmed(result.output));
    std::vector<ListedLibrary> libraries = parse_library_list(result.output, program.interpreter);
    for (const ListedLibrary &library : libraries)
        if (library.path.empty())
            return rejected(RejectReason::MissingLibrary, library.name);
    // ld.so lists itself only where a library needs it.
    libraries.push_back(ListedLibrary{program.interpreter, program.interpreter});
    return libraries;
}

} // namespace sharedregion
