// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/syscall_counter.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <elf.h>
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

namespace sharedregion {

namespace {

constexpr uint64_t kBreakpoint = 0xcc; // int3

// AT_ENTRY of a process that has just done execve(2).
uint64_t read_entry(pid_t pid) {
    char name[64];
    snprintf(name, sizeof name, "/proc/%d/auxv", int(pid));
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    uint64_t entry = 0;
    for (Elf64_auxv_t value; fd >= 0 && read(fd, &value, sizeof value) == sizeof value;)
        if (value.a_type == AT_ENTRY)
            entry = value.a_un.a_val;
    if (fd >= 0)
        close(fd);
    return entry;
}

// The program traced; at its entry point lies a breakpoint until it comes there.
class Tracee {
  public:
    explicit Tracee(pid_t pid) : pid_(pid) {}

    // Takes it from its first stop to behind execve.
    bool begin() {
        int status;
        const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
        if (waitpid(pid_, &status, 0) != pid_ || !WIFSTOPPED(status) ||
            ptrace(PTRACE_SETOPTIONS, pid_, nullptr, options) != 0 ||
            ptrace(PTRACE_CONT, pid_, nullptr, nullptr) != 0 || waitpid(pid_, &status, 0) != pid_ ||
            !WIFSTOPPED(status) || status >> 8 != (SIGTRAP | PTRACE_EVENT_EXEC << 8))
            return false;
        entry_ = read_entry(pid_);
        errno = 0;
        original_ = ptrace(PTRACE_PEEKTEXT, pid_, entry_, nullptr);
        return errno == 0 && ptrace(PTRACE_POKETEXT, pid_, entry_, (original_ & ~0xffUL) | kBreakpoint) == 0;
    }

    SyscallCount run() {
        SyscallCount count = {-1, 0};
        int signal = 0, status;
        while (ptrace(PTRACE_SYSCALL, pid_, nullptr, signal) == 0 && waitpid(pid_, &status, 0) == pid_ &&
               WIFSTOPPED(status)) {
            signal = 0;
            if (WSTOPSIG(status) == (SIGTRAP | 0x80))
                count.total += is_entry();
            else if (WSTOPSIG(status) == SIGTRAP && at_breakpoint())
                count.before_entry = count.total;
            else if (status >> 16 == 0)
                signal = WSTOPSIG(status); // its own business
        }
        return count;
    }

  private:
    bool is_entry() const {
        __ptrace_syscall_info info = {};
        return ptrace(PTRACE_GET_SYSCALL_INFO, pid_, sizeof info, &info) > 0 &&
               info.op == PTRACE_SYSCALL_INFO_ENTRY;
    }

    // Puts the original instruction back.
    bool at_breakpoint() {
        user_regs_struct registers;
        if (ptrace(PTRACE_GETREGS, pid_, nullptr, &registers) != 0 || registers.rip != entry_ + 1)
            return false;
        registers.rip = entry_;
        return ptrace(PTRACE_SETREGS, pid_, nullptr, &registers) == 0 &&
               ptrace(PTRACE_POKETEXT, pid_, entry_, original_) == 0;
    }

    pid_t pid_;
    uint64_t entry_ = 0;
    long original_ = 0;
};

} // namespace

SyscallCount count_syscalls_of(const char *path, char *const *argv) {
    pid_t child = fork();
    if (child == 0) {
        if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0)
            _exit(127);
        raise(SIGSTOP);
        execve(path, argv, environ);
        _exit(127);
    }
    if (child < 0)
        return {-1, -1};
    Tracee tracee(child);
    SyscallCount count = {-1, -1};
    if (tracee.begin())
        count = tracee.run();
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    return count;
}

} // namespace sharedregion
