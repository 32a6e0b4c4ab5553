// SPDX-License-Identifier: GPL-2.0-or-later
#include "builder/capture/filter.h"

#include <cstddef>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <vector>

namespace sharedregion {

namespace {

// These change nothing that outlives them but file descriptors, whose use (mmap) stops. What they
// return may differ between runs: then a word that holds it is unclassified, and the program rejected.
constexpr unsigned kHarmless[] = {
    SYS_read,      SYS_pread64,      SYS_close,
    SYS_fstat,     SYS_lseek,        SYS_access,
    SYS_faccessat, SYS_getrlimit,    SYS_getrandom,
    SYS_uname,     SYS_getcwd,       SYS_getpid,
    SYS_gettid,    SYS_getuid,       SYS_geteuid,
    SYS_getgid,    SYS_getegid,      SYS_clock_gettime,
    SYS_time,      SYS_gettimeofday, SYS_sched_getaffinity,
    SYS_sysinfo,
    SYS_execve, // how the program starts; a second one ends in an unexpected stop
    SYS_exit,      SYS_exit_group,
};

// Calls that are harmless when an argument says so.
struct Condition {
    unsigned call;
    unsigned argument;
    unsigned bits; // harmless if any of these bits is set ...
    bool zero;     // ... or, if `zero`, if the argument is 0
};
constexpr Condition kConditions[] = {
    {SYS_mmap, 3, MAP_FIXED, false},           // segments of a library whose first mapping was steered
    {SYS_newfstatat, 3, AT_EMPTY_PATH, false}, // fstat
    {SYS_brk, 0, 0, true},                     // only asks
    {SYS_prlimit64, 2, 0, true},               // only asks
};

constexpr unsigned argument_offset(unsigned index, bool high) {
    return offsetof(seccomp_data, args) + index * 8 + (high ? 4 : 0);
}

std::vector<sock_filter> make_filter() {
    const sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    const sock_filter trace = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
    auto load = [](unsigned offset) { return sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset); };
    auto skip_unless = [](unsigned short test, unsigned value, unsigned char count) {
        return sock_filter BPF_JUMP(static_cast<unsigned short>(BPF_JMP | test | BPF_K), value, 0, count);
    };
    std::vector<sock_filter> code = {load(offsetof(seccomp_data, arch))};
    // Another ABI (int 0x80): its numbers mean something else, and nobody uses it here.
    code.push_back(sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0));
    code.push_back(sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
    code.push_back(load(offsetof(seccomp_data, nr)));
    for (unsigned call : kHarmless) {
        code.push_back(skip_unless(BPF_JEQ, call, 1));
        code.push_back(allow);
    }
    for (const Condition &condition : kConditions) {
        std::vector<sock_filter> test;
        test.push_back(load(argument_offset(condition.argument, false)));
        if (condition.zero) {
            test.push_back(skip_unless(BPF_JEQ, 0, 3));
            test.push_back(load(argument_offset(condition.argument, true)));
            test.push_back(skip_unless(BPF_JEQ, 0, 1));
        } else {
            test.push_back(skip_unless(BPF_JSET, condition.bits, 1));
        }
        test.push_back(allow);
        test.push_back(trace);
        code.push_back(skip_unless(BPF_JEQ, condition.call, static_cast<unsigned char>(test.size())));
        code.insert(code.end(), test.begin(), test.end());
    }
    code.push_back(trace);
    return code;
}

} // namespace

const sock_fprog *system_call_filter() {
    static std::vector<sock_filter> code = make_filter();
    static const sock_fprog program = {static_cast<unsigned short>(code.size()), code.data()};
    return &program;
}

} // namespace sharedregion
