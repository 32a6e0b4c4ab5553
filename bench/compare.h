// SPDX-License-Identifier: GPL-2.0-or-later
// Start time of commands with ld-dyld.so against plain ld.so.
#pragma once

#include "bench/spawn_server.h"
#include "bench/statistics.h"

namespace sharedregion {

struct SideResult {
    Summary microseconds;
    Summary minor_faults;
    SyscallCount syscalls;
    int status;
};

struct CommandResult {
    BenchCommand command;
    std::string decision; // what ld-dyld.so says: "prebuilt UUID", "jit REASON"; "none": it was not asked
    SideResult plain, shared;
    double ratio;   // of the medians
    Summary paired; // of the ratios of neighbouring starts
};

struct CompareOptions {
    unsigned runs = 200;
    int cpu = -1;                                                // -1: not pinned
    std::function<void(unsigned done, unsigned total)> progress; // may be empty
};

// `plain` and `shared` serve the same commands.
Outcome<std::vector<CommandResult>> compare(const std::vector<BenchCommand> &commands, SpawnServer *plain,
                                            SpawnServer *shared, const CompareOptions &options);

// The CPU to pin to: the last one that this process may use (the first one serves most interrupts).
int choose_cpu();

// Fails, naming those that it may use, where this process may not use `cpu`.
Done check_cpu(unsigned cpu);

} // namespace sharedregion
