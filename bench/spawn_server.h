// SPDX-License-Identifier: GPL-2.0-or-later
// A process that starts programs on request and says how long they took.
//
// Several of them, each prepared differently (one in a namespace with ld-dyld.so, one plain), are asked in
// turn: so noise of the machine meets all alike, and preparing costs nothing in the figures. Knows
// nothing of caches. Hosted, no exceptions.
#pragma once

#include "sharedregion/failure.h"

#include <functional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace sharedregion {

struct BenchCommand {
    std::string path;                   // what is executed
    std::vector<std::string> arguments; // with argv[0]
};

// One start, from before fork to after wait.
struct SpawnSample {
    int64_t nanoseconds;
    int64_t minor_faults;
    int32_t status; // as from waitpid(2)
};

// System calls of the first thread after execve(2).
struct SyscallCount {
    int64_t before_entry; // until the program's own entry point (AT_ENTRY)
    int64_t total;
};

class SpawnServer {
  public:
    // Forks; the child calls `prepare` (nullptr in *its* result: fine; else an error text) and pins itself
    // to `cpu` (-1: not). Errors: the preparation's.
    static Outcome<SpawnServer> start(const std::vector<BenchCommand> &commands, int cpu,
                                      const std::function<Done()> &prepare);

    SpawnServer(SpawnServer &&other) noexcept;
    SpawnServer &operator=(SpawnServer &&) = delete;
    ~SpawnServer();

    // `command` is an index. Errors: the program hangs (it is killed), or the server died.
    Outcome<SpawnSample> spawn(unsigned command);
    Outcome<SyscallCount> count_syscalls(unsigned command);
    // The first line that the command writes to stderr with an additional variable "NAME=VALUE".
    Outcome<std::string> first_error_line(unsigned command, const std::string &variable);

  private:
    SpawnServer(pid_t pid, int socket) : pid_(pid), socket_(socket) {}
    Done ask(unsigned command, int kind, const std::string &text, void *answer, size_t size);
    pid_t pid_;
    int socket_;
};

} // namespace sharedregion
