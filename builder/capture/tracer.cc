// SPDX-License-Identifier: GPL-2.0-or-later
#include "builder/capture/tracer.h"

#include "builder/capture/spawn.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <sys/ptrace.h>
#include <sys/wait.h>

namespace sharedregion {

namespace {

constexpr long kTraceOptions = PTRACE_O_EXITKILL | PTRACE_O_TRACESECCOMP;
constexpr size_t kMaxPieces = 1024; // UIO_MAXIOV

std::string errno_text(const char *call) {
    return std::string(call) + ": " + std::strerror(errno);
}

Rejection tracing_failed(const char *call) {
    if (errno == ESRCH)
        return rejected(RejectReason::Died, "killed while it was captured");
    return rejected(RejectReason::NoTracing, errno_text(call));
}

Rejection died(const Stop &stop) {
    if (stop.value >= 256)
        return rejected(RejectReason::Died, std::string("killed by ") + strsignal(stop.value - 256));
    return rejected(RejectReason::Died, "exit code " + std::to_string(stop.value));
}

} // namespace

Result<Tracee, Rejection> Tracee::spawn(const SpawnOptions &options) {
    SpawnedChild child = spawn_traced(options);
    if (child.pid < 0)
        return rejected(RejectReason::NoTracing, errno_text("clone"));
    Tracee tracee(child.pid);
    auto first = tracee.wait();
    if (!first.ok())
        return std::move(first.error());
    if (first.value().kind == StopKind::Exited) {
        if (child.failed_step == nullptr)
            return died(first.value());
        bool denied = child.error == EACCES && std::strcmp(child.failed_step, "execve") == 0;
        return rejected(denied ? RejectReason::NoPermission : RejectReason::NoTracing,
                        std::string(child.failed_step) + ": " + std::strerror(child.error));
    }
    if (ptrace(PTRACE_SETOPTIONS, child.pid, 0, kTraceOptions) != 0)
        return tracing_failed("PTRACE_SETOPTIONS");
    return tracee;
}

Tracee::Tracee(Tracee &&other) noexcept : pid_(other.pid_), alive_(std::exchange(other.alive_, false)) {}

Tracee::~Tracee() {
    kill();
    while (alive_) {
        int status;
        pid_t waited = waitpid(pid_, &status, __WALL);
        if (waited == pid_ ? WIFEXITED(status) || WIFSIGNALED(status) : errno != EINTR)
            alive_ = false;
    }
}

void Tracee::kill() {
    if (alive_)
        ::kill(pid_, SIGKILL);
}

Result<Stop, Rejection> Tracee::wait() {
    int status;
    while (waitpid(pid_, &status, __WALL) != pid_)
        if (errno != EINTR)
            return tracing_failed("waitpid");
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
        alive_ = false;
        return Stop{StopKind::Exited, WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status)};
    }
    if (status >> 8 == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8))
        return Stop{StopKind::SystemCall, 0};
    if (WSTOPSIG(status) == SIGTRAP)
        return Stop{StopKind::Trap, 0};
    return Stop{StopKind::Signal, WSTOPSIG(status)};
}

Result<Stop, Rejection> Tracee::resume() {
    if (ptrace(PTRACE_CONT, pid_, 0, 0) != 0)
        return tracing_failed("PTRACE_CONT");
    Stop stop = TRY(wait());
    // The child's own alarm (spawn.cc), or its CPU limit.
    if (stop.kind == StopKind::Signal && (stop.value == SIGALRM || stop.value == SIGXCPU))
        return rejected(RejectReason::Timeout, "not at its first constructor within the time limit");
    if (stop.kind == StopKind::Signal)
        return died(Stop{StopKind::Exited, 256 + stop.value});
    return stop;
}

Result<user_regs_struct, Rejection> Tracee::registers() const {
    user_regs_struct registers;
    if (ptrace(PTRACE_GETREGS, pid_, 0, &registers) != 0)
        return tracing_failed("PTRACE_GETREGS");
    return registers;
}

Result<Success, Rejection> Tracee::set_registers(const user_regs_struct &registers) {
    if (ptrace(PTRACE_SETREGS, pid_, 0, &registers) != 0)
        return tracing_failed("PTRACE_SETREGS");
    return Success{};
}

Result<uint64_t, Rejection> Tracee::system_call(uint64_t gadget, uint64_t number,
                                                const std::array<uint64_t, 5> &arguments) {
    const user_regs_struct before = TRY(registers());
    user_regs_struct call = before;
    call.rip = gadget;
    call.rax = number;
    call.orig_rax = ~0ULL; // it is in no system call that could be restarted
    call.rdi = arguments[0];
    call.rsi = arguments[1];
    call.rdx = arguments[2];
    call.r10 = arguments[3];
    call.r8 = arguments[4];
    TRY(set_registers(call));
    // The filter stops it at the call's entry; then the single step ends behind the instruction.
    for (StopKind kind = StopKind::SystemCall; kind != StopKind::Trap;) {
        if (ptrace(PTRACE_SINGLESTEP, pid_, 0, 0) != 0)
            return tracing_failed("PTRACE_SINGLESTEP");
        Stop stop = TRY(wait());
        if (stop.kind == StopKind::Exited)
            return died(stop);
        if (stop.kind == StopKind::Signal)
            return died(Stop{StopKind::Exited, 256 + stop.value});
        kind = stop.kind;
    }
    const uint64_t result = TRY(registers()).rax;
    TRY(set_registers(before));
    return result;
}

Result<Success, Rejection> Tracee::set_breakpoint(uint64_t address) {
    constexpr unsigned long kLocalExecute0 = 1; // DR7: L0 set, R/W0 and LEN0 zero: instruction execution
    if (ptrace(PTRACE_POKEUSER, pid_, offsetof(struct user, u_debugreg[0]), address) == 0 &&
        ptrace(PTRACE_POKEUSER, pid_, offsetof(struct user, u_debugreg[7]), kLocalExecute0) == 0)
        return Success{};
    errno = 0;
    long word = ptrace(PTRACE_PEEKTEXT, pid_, address, 0);
    if (errno != 0)
        return tracing_failed("PTRACE_PEEKTEXT");
    constexpr long kInt3 = 0xcc;
    if (ptrace(PTRACE_POKETEXT, pid_, address, (word & ~0xffL) | kInt3) != 0)
        return tracing_failed("PTRACE_POKETEXT");
    return Success{};
}

Result<Success, Rejection> Tracee::read(uint64_t address, void *buffer, uint64_t size) const {
    return read_pieces({{buffer, size}}, {{reinterpret_cast<void *>(address), size}});
}

Result<Success, Rejection> Tracee::read_pieces(std::vector<iovec> local, std::vector<iovec> remote) const {
    // process_vm_readv(2) takes 1024 pieces, and may stop early at a piece's border: go on from there.
    auto advance = [](std::vector<iovec> &pieces, size_t *first, size_t bytes) {
        while (*first < pieces.size() && bytes >= pieces[*first].iov_len)
            bytes -= pieces[(*first)++].iov_len;
        if (bytes != 0) {
            pieces[*first].iov_base = static_cast<char *>(pieces[*first].iov_base) + bytes;
            pieces[*first].iov_len -= bytes;
        }
    };
    size_t l = 0, r = 0;
    while (r < remote.size()) {
        ssize_t count = process_vm_readv(pid_, &local[l], std::min(local.size() - l, kMaxPieces), &remote[r],
                                         std::min(remote.size() - r, kMaxPieces), 0);
        if (count <= 0) {
            if (count == 0)
                errno = EFAULT;
            return tracing_failed("process_vm_readv");
        }
        advance(local, &l, static_cast<size_t>(count));
        advance(remote, &r, static_cast<size_t>(count));
    }
    return Success{};
}

std::string Tracee::read_string(uint64_t address) const {
    // Two reads at most: up to the end of the page, then the next page.
    std::string text;
    while (text.size() < 4096) {
        char buffer[4096];
        uint64_t size = kPageSize - (address & (kPageSize - 1));
        if (!read(address, buffer, size).ok())
            return "";
        size_t length = strnlen(buffer, size);
        text.append(buffer, length);
        if (length < size)
            return text.size() < 4096 ? text : "";
        address += size;
    }
    return "";
}

std::string Tracee::proc_path(const char *name) const {
    return "/proc/" + std::to_string(pid_) + "/" + name;
}

} // namespace sharedregion
