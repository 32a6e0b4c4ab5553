// SPDX-License-Identifier: GPL-2.0-or-later
// The child is made like vfork(2) makes one (CLONE_VM | CLONE_VFORK): fork(2) would copy the page
// tables of a builder that holds hundreds of megabytes, four times per program. So the child's
// code below runs in the parent's memory while the calling thread waits: it makes system calls
// and writes to its own stack and to ChildPlan, nothing else. All memory is prepared before.
#include "builder/capture/spawn.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <memory>
#include <sched.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

namespace sharedregion {

namespace {

constexpr size_t kChildStack = 64 * 1024;

struct ChildPlan {
    const SpawnOptions *options;
    char *const *argv;
    char *const *envp;
    cpu_set_t cpus;
    sigset_t no_signals;
    pid_t parent;
    const char *failed_step;
    int error;
};

bool succeeded(ChildPlan *plan, const char *step, bool success) {
    if (!success) {
        plan->failed_step = step;
        plan->error = errno;
    }
    return success;
}

// Handlers of the parent must not run here, and ignored signals stay ignored over execve: SIGALRM
// must not be one of them.
void reset_signals() {
    struct sigaction action = {};
    action.sa_handler = SIG_DFL;
    for (int signal = 1; signal <= SIGRTMAX; signal++)
        sigaction(signal, &action, nullptr);
}

bool isolate(ChildPlan *plan) {
    if (!succeeded(plan, "prctl", prctl(PR_SET_PDEATHSIG, SIGKILL) == 0) ||
        !succeeded(plan, "getppid", getppid() == plan->parent) || !succeeded(plan, "setsid", setsid() >= 0) ||
        !succeeded(plan, "chdir", chdir("/") == 0))
        return false;
    int null = open("/dev/null", O_RDWR);
    if (!succeeded(plan, "open /dev/null", null >= 0))
        return false;
    for (int fd = 0; fd < 3; fd++)
        if (!succeeded(plan, "dup2", dup2(null, fd) == fd))
            return false;
    return succeeded(plan, "close_range", close_range(3, ~0U, 0) == 0);
}

bool limit(ChildPlan *plan, __rlimit_resource_t resource, rlim_t soft) {
    struct rlimit limit;
    if (!succeeded(plan, "getrlimit", getrlimit(resource, &limit) == 0))
        return false;
    limit.rlim_cur = soft < limit.rlim_max ? soft : limit.rlim_max;
    return succeeded(plan, "setrlimit", setrlimit(resource, &limit) == 0);
}

bool set_limits(ChildPlan *plan) {
    const SpawnOptions &options = *plan->options;
    // The region lies far from everything else, and images can be large: address space is no limit.
    if (!limit(plan, RLIMIT_CORE, 0) || !limit(plan, RLIMIT_FSIZE, 0) ||
        !limit(plan, RLIMIT_CPU, options.timeout_ms / 1000 + 1) || !limit(plan, RLIMIT_AS, RLIM_INFINITY) ||
        !limit(plan, RLIMIT_STACK, options.stack_limit))
        return false;
    // The time limit needs no thread that watches: this timer outlives execve, and its signal
    // is a stop that the tracer sees.
    itimerval timer = {};
    timer.it_value.tv_sec = options.timeout_ms / 1000;
    timer.it_value.tv_usec = static_cast<suseconds_t>(options.timeout_ms % 1000 * 1000);
    return succeeded(plan, "setitimer", setitimer(ITIMER_REAL, &timer, nullptr) == 0);
}

bool shape(ChildPlan *plan) {
    // Words are told apart by addresses that differ between runs: ASLR on, the usual layout.
    constexpr unsigned long kLayoutBits =
        ADDR_NO_RANDOMIZE | ADDR_COMPAT_LAYOUT | READ_IMPLIES_EXEC | MMAP_PAGE_ZERO | ADDR_LIMIT_3GB;
    int persona = personality(0xffffffff);
    if (persona != -1 && (static_cast<unsigned long>(persona) & kLayoutBits) != 0)
        persona = personality(static_cast<unsigned long>(persona) & ~kLayoutBits);
    if (!succeeded(plan, "personality", persona != -1))
        return false;
    // Huge pages would make untouched bss look written. Not fatal where the kernel has none.
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    if (plan->options->cpu < 0)
        return true;
    return succeeded(plan, "sched_setaffinity", sched_setaffinity(0, sizeof plan->cpus, &plan->cpus) == 0);
}

bool become_traced(ChildPlan *plan) {
    if (!succeeded(plan, "sigprocmask", sigprocmask(SIG_SETMASK, &plan->no_signals, nullptr) == 0) ||
        !succeeded(plan, "PTRACE_TRACEME", ptrace(PTRACE_TRACEME, 0, 0, 0) == 0))
        return false;
    const sock_fprog *filter = plan->options->filter;
    if (filter == nullptr)
        return true;
    return succeeded(plan, "PR_SET_NO_NEW_PRIVS", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) &&
           succeeded(plan, "seccomp", prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter, 0, 0) == 0);
}

int child_main(void *argument) {
    auto *plan = static_cast<ChildPlan *>(argument);
    reset_signals();
    if (isolate(plan) && set_limits(plan) && shape(plan) && become_traced(plan)) {
        execve(plan->options->path.c_str(), plan->argv, plan->envp);
        succeeded(plan, "execve", false);
    }
    _exit(127);
}

std::vector<char *> pointers(const std::vector<std::string> &strings) {
    std::vector<char *> result;
    result.reserve(strings.size() + 1);
    for (const std::string &string : strings)
        result.push_back(const_cast<char *>(string.c_str()));
    result.push_back(nullptr);
    return result;
}

} // namespace

SpawnedChild spawn_traced(const SpawnOptions &options) {
    std::vector<char *> argv = pointers(options.argv), envp = pointers(options.envp);
    std::unique_ptr<char[]> stack(new char[kChildStack]);
    ChildPlan plan = {&options, argv.data(), envp.data(), {}, {}, getpid(), nullptr, 0};
    CPU_ZERO(&plan.cpus);
    if (options.cpu >= 0)
        CPU_SET(static_cast<unsigned>(options.cpu), &plan.cpus);
    sigemptyset(&plan.no_signals);
    // No handler of ours may run in the child while it shares our memory.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    char *top = stack.get() + kChildStack - reinterpret_cast<uintptr_t>(stack.get() + kChildStack) % 16;
    pid_t pid = clone(child_main, top, CLONE_VM | CLONE_VFORK | SIGCHLD, &plan);
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    errno = error;
    return SpawnedChild{pid, plan.failed_step, plan.error};
}

} // namespace sharedregion
