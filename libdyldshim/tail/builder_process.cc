// SPDX-License-Identifier: GPL-2.0-or-later
#include "libdyldshim/tail/builder_process.h"

#include "libdyldshim/shared/strings.h"
#include "libdyldshim/shared/syscalls.h"
#include "libdyldshim/shared/user_set.h"
#include "sharedregion/state_names.h"

#include <linux/prctl.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

namespace sharedregion {
namespace {

constexpr uint64_t kSignals = 64;     // of the kernel
constexpr uint64_t kLowestNice = 19;  // setpriority(2)
constexpr uint64_t kIdleIo = 3 << 13; // ioprio_set(2): IOPRIO_CLASS_IDLE
constexpr int kLockDescriptor = 3;    // daemon/dyldctl/build_set.cc

const char *builder_path(const PlainStart &start) {
    const LaunchRequest &request = start.request;
    return reinterpret_cast<const char *>(request.loader_base + request.config->builder_path);
}

long sys_dup2(int from, int to) {
    return syscall3(__NR_dup2, static_cast<unsigned>(from), static_cast<unsigned>(to));
}

// fork(2) without a signal to the parent when the child ends.
long silent_fork() {
    return syscall6(__NR_clone, 0);
}

// Handlers are gone since execve; what was ignored or blocked is still so, and would be for the builder.
void reset_signals() {
    // struct sigaction of the kernel: handler, flags, restorer, mask.
    const uint64_t action[4] = {0, 0, 0, 0}, none = 0;
    for (uint64_t signal = 1; signal <= kSignals; signal++)
        syscall6(__NR_rt_sigaction, signal, as_word(action), 0, sizeof none);
    syscall6(__NR_rt_sigprocmask, SIG_SETMASK, as_word(&none), 0, sizeof none);
}

// Descriptors 0 to 2: /dev/null; 3: the lock; no other. The lock may be any of them now.
void replace_descriptors(int lock) {
    constexpr uint64_t kAbove = 10;
    long high = syscall3(__NR_fcntl, static_cast<unsigned>(lock), F_DUPFD, kAbove);
    long null = syscall3(__NR_open, as_word("/dev/null"), O_RDWR);
    if (high < 0 || null < 0)
        sys_exit(127);
    for (int fd = 0; fd < kLockDescriptor; fd++)
        sys_dup2(static_cast<int>(null), fd);
    sys_dup2(static_cast<int>(high), kLockDescriptor);
    if (syscall3(__NR_close_range, kLockDescriptor + 1, ~0U) != 0)
        sys_exit(127);
}

// A soft limit, as far as the hard one allows it.
void set_limit(unsigned resource, uint64_t wanted) {
    struct rlimit limit;
    if (syscall6(__NR_prlimit64, 0, resource, 0, as_word(&limit)) != 0)
        return;
    limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
    syscall6(__NR_prlimit64, 0, resource, as_word(&limit), 0);
}

// What the program's parents chose for the program is not meant for the builder. Not SCHED_IDLE: it would
// reach its time limits where anybody else computes.
void reset_process() {
    const int priority = 0; // struct sched_param
    syscall3(__NR_sched_setscheduler, 0, SCHED_OTHER, as_word(&priority));
    syscall3(__NR_setpriority, 0, 0, kLowestNice);
    syscall3(__NR_ioprio_set, 1, 0, kIdleIo);
    for (unsigned resource : {RLIMIT_CPU, RLIMIT_FSIZE, RLIMIT_DATA, RLIMIT_AS, RLIMIT_NOFILE})
        set_limit(resource, resource == RLIMIT_NOFILE ? 1024 : RLIM_INFINITY);
    set_limit(RLIMIT_STACK, 8 << 20);
    set_limit(RLIMIT_CORE, 0);
    syscall3(__NR_umask, 077);
    syscall3(__NR_personality, 0);
    syscall3(__NR_chdir, as_word("/"));
}

bool changes_loading(const char *variable) {
    return after_prefix(variable, "LD_") || after_prefix(variable, "DYLD_") ||
           after_prefix(variable, "MALLOC_") || after_prefix(variable, "GLIBC_TUNABLES=");
}

// The environment without what changes loading, in memory of its own.
const char **filtered_environment(const StartArgs &args) {
    uint64_t count = 0;
    while (args.envp()[count] != nullptr)
        count++;
    long memory =
        sys_mmap(0, (count + 1) * sizeof(char *), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (is_error(memory))
        sys_exit(127);
    auto **out = reinterpret_cast<const char **>(memory), **at = out;
    for (uint64_t i = 0; i < count; i++)
        if (!changes_loading(args.envp()[i]))
            *at++ = args.envp()[i];
    *at = nullptr;
    return out;
}

// The state directory that this start uses: the baked one's path is part of the region's.
void write_state(const PlainStart &start, char *path) {
    TextBuffer text = {path, path + kPathSize - 1};
    const LaunchRequest &request = start.request;
    const char *region = reinterpret_cast<const char *>(request.loader_base + request.config->region_path);
    append(&text, start.policy.state != nullptr ? start.policy.state : region);
    if (start.policy.state == nullptr)
        text.at -= sizeof kRegionName; // with the slash, without the NUL
    *text.at = 0;
}

[[noreturn]] void become_builder(const PlainStart &start, int lock) {
    char state[kPathSize], program[kPathSize];
    if (hash_own_path(program) == 0)
        sys_exit(127);
    write_state(start, state);
    reset_signals();
    replace_descriptors(lock);
    reset_process();
    const char *path = builder_path(start);
    const char *arguments[] = {path,        "--quiet",         "--state", state,
                               "build-set", "--in-background", program,   nullptr};
    syscall3(__NR_execve, as_word(path), as_word(arguments), as_word(filtered_environment(start.args)));
    sys_exit(127);
}

// /proc/self/ns/pid of the initial namespace (PROC_PID_INIT_INO, include/linux/proc_ns.h). In others process
// 1 may be anything, and does not expect children.
bool is_in_first_pid_namespace() {
    constexpr char kFirst[] = "pid:[4026531836]";
    char name[sizeof kFirst];
    return syscall3(__NR_readlink, as_word("/proc/self/ns/pid"), as_word(name), sizeof name) ==
               sizeof kFirst - 1 &&
           equal_bytes(name, kFirst, sizeof kFirst - 1);
}

// A process that a new process of the same user would not surprise, nor its system calls kill.
bool is_ordinary_process(const StartArgs &args) {
    int subreaper = 0;
    syscall3(__NR_prctl, PR_GET_CHILD_SUBREAPER, as_word(&subreaper));
    return subreaper == 0 && syscall3(__NR_prctl, PR_GET_SECCOMP) == 0 && !has_capabilities(args) &&
           is_in_first_pid_namespace();
}

// Since Linux 5.9; here a call that closes none.
bool can_close_descriptors() {
    return syscall3(__NR_close_range, ~0U, ~0U) == 0;
}

} // namespace

bool may_start_builder(const PlainStart &start) {
    const char *path = builder_path(start);
    constexpr uint64_t kExecute = 1; // X_OK
    return *path == '/' && is_ordinary_process(start.args) && can_close_descriptors() &&
           syscall3(__NR_access, as_word(path), kExecute) == 0;
}

bool start_builder_process(const PlainStart &start, int lock) {
    long child = silent_fork();
    if (child == 0) {
        syscall3(__NR_setsid);
        long grandchild = silent_fork();
        if (grandchild == 0)
            become_builder(start, lock);
        sys_exit(grandchild < 0);
    }
    if (child < 0)
        return false;
    int status = 1;
    while (syscall6(__NR_wait4, static_cast<uint64_t>(child), as_word(&status), __WALL, 0) == -EINTR) {
    }
    return status == 0;
}

} // namespace sharedregion
