// SPDX-License-Identifier: GPL-2.0-or-later
// A child process under ptrace(2): start, stops, registers, memory, end.
//
// ptrace belongs to a thread: only the thread that spawned a Tracee may use it. Many threads may
// have one each. The child gets no privileges, no terminal, /dev/null as standard streams, no other
// file descriptor, and dies with its tracer or at its time limit.
#pragma once

#include "builder/capture/program_file.h"

#include <array>
#include <linux/filter.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/user.h>

namespace sharedregion {

struct SpawnOptions {
    std::string path; // given to execve(2): AT_EXECFN
    std::vector<std::string> argv;
    std::vector<std::string> envp;
    uint64_t stack_limit = 8 << 20; // soft RLIMIT_STACK
    int cpu = -1;                   // the only CPU that it runs on; -1: as the caller
    unsigned timeout_ms = 10000;
    const sock_fprog *filter = nullptr; // seccomp program: which system calls stop
};

enum class StopKind { SystemCall, Trap, Signal, Exited };

struct Stop {
    StopKind kind;
    int value; // Signal: its number. Exited: exit code, or 256 + the signal that killed it
};

class Tracee {
  public:
    // Starts the program; it is stopped behind execve, before ld.so's first instruction.
    static Result<Tracee, Rejection> spawn(const SpawnOptions &options);
    Tracee(Tracee &&other) noexcept;
    Tracee(const Tracee &) = delete;
    Tracee &operator=(const Tracee &) = delete;
    ~Tracee(); // kills and reaps

    pid_t pid() const { return pid_; }
    // Lets it run to its next stop. The time limit and its death are Rejections.
    Result<Stop, Rejection> resume();
    void kill(); // sends SIGKILL only; the destructor waits

    Result<user_regs_struct, Rejection> registers() const;
    Result<Success, Rejection> set_registers(const user_regs_struct &registers);
    // Makes one system call of its own by a `syscall` instruction at `gadget`: what the kernel returns,
    // -errno included. Registers are as before afterwards.
    Result<uint64_t, Rejection> system_call(uint64_t gadget, uint64_t number,
                                            const std::array<uint64_t, 5> &arguments);
    // Stops it with StopKind::Trap when it is about to run `address`: by a debug register, else (where
    // a hypervisor has none to give) by int3 in the private text.
    Result<Success, Rejection> set_breakpoint(uint64_t address);

    // Reads exactly `size` bytes.
    Result<Success, Rejection> read(uint64_t address, void *buffer, uint64_t size) const;
    // Reads many pieces with few system calls: local and remote have equal sums of lengths.
    Result<Success, Rejection> read_pieces(std::vector<iovec> local, std::vector<iovec> remote) const;
    // A NUL-terminated string of at most 4095 bytes; empty where it cannot be read.
    std::string read_string(uint64_t address) const;
    // A file under /proc/PID/.
    std::string proc_path(const char *name) const;

  private:
    explicit Tracee(pid_t pid) : pid_(pid) {}
    Result<Stop, Rejection> wait();
    pid_t pid_;
    bool alive_ = true; // not yet reaped
};

} // namespace sharedregion
