// SPDX-License-Identifier: GPL-2.0-or-later
// start-cost: what one start of a program costs, for guests whose clock counts instructions (qemu -icount
// shift=0).
//
//   start-cost [--runs N] 'PROGRAM ARGUMENT...'...
//
// Prints a line for each command: nanoseconds from execve(2) to the end of the process (the least of N
// starts), minor faults, and, from one more start that is stopped at its end, mappings (VMAs), VmPTE in KiB
// and the exit status. Which ld.so starts them is the business of who starts start-cost.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sstream>
#include <string>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <vector>

namespace {

struct Cost {
    unsigned long long nanoseconds = ~0ULL;
    long faults = 0;
    long mappings = 0, table_kilobytes = 0;
    int status = 0;
};

unsigned long long now() {
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

[[noreturn]] void execute(char **words) {
    execvp(words[0], words);
    _exit(127);
}

// vfork(2): the child has no faults of its own before execve(2), and says when that was.
void start(char **words, Cost *cost) {
    static volatile unsigned long long begin;
    rusage usage;
    int status;
    pid_t pid = vfork();
    if (pid == 0) {
        begin = now();
        execute(words);
    }
    wait4(pid, &status, 0, &usage);
    unsigned long long took = now() - begin;
    if (took < cost->nanoseconds)
        cost->nanoseconds = took;
    cost->faults = usage.ru_minflt;
    cost->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

long count_lines(const std::string &path) {
    FILE *file = fopen(path.c_str(), "re");
    long count = 0;
    for (int c; file != nullptr && (c = fgetc(file)) != EOF;)
        count += c == '\n';
    if (file != nullptr)
        fclose(file);
    return count;
}

long number_of(const std::string &path, const char *key) {
    FILE *file = fopen(path.c_str(), "re");
    char line[256];
    long value = -1;
    while (file != nullptr && fgets(line, sizeof line, file) != nullptr)
        if (strncmp(line, key, strlen(key)) == 0)
            value = strtol(line + strlen(key), nullptr, 10);
    if (file != nullptr)
        fclose(file);
    return value;
}

// Stopped on its way out, when nothing has been unmapped yet.
void look_at_end(char **words, Cost *cost) {
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
        raise(SIGSTOP);
        execute(words);
    }
    waitpid(pid, &status, 0);
    ptrace(PTRACE_SETOPTIONS, pid, nullptr, PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL);
    for (int signal = 0; ptrace(PTRACE_CONT, pid, nullptr, signal) == 0 && waitpid(pid, &status, 0) == pid;) {
        if (!WIFSTOPPED(status))
            break;
        signal = status >> 16 != 0 || WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
        if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXIT << 8)) {
            std::string directory = "/proc/" + std::to_string(pid);
            cost->mappings = count_lines(directory + "/maps");
            cost->table_kilobytes = number_of(directory + "/status", "VmPTE:");
        }
    }
}

void measure(const std::string &command, unsigned runs) {
    std::istringstream stream(command);
    std::vector<std::string> words;
    for (std::string word; stream >> word;)
        words.push_back(word);
    std::vector<char *> pointers;
    pointers.reserve(words.size() + 1);
    for (std::string &word : words)
        pointers.push_back(word.data());
    pointers.push_back(nullptr);
    Cost cost;
    for (unsigned i = 0; i < runs; i++)
        start(pointers.data(), &cost);
    look_at_end(pointers.data(), &cost);
    dprintf(3, "%s\t%llu\t%ld\t%ld\t%ld\t%d\n", command.c_str(), cost.nanoseconds, cost.faults, cost.mappings,
            cost.table_kilobytes, cost.status);
}

} // namespace

int main(int argc, char **argv) {
    unsigned runs = 5;
    int first = 1;
    if (argc > 2 && strcmp(argv[1], "--runs") == 0) {
        runs = unsigned(atoi(argv[2]));
        first = 3;
    }
    // The programs' output goes nowhere; ours keeps its place.
    dup3(STDOUT_FILENO, 3, O_CLOEXEC);
    int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd : {0, 1, 2})
        dup2(nowhere, fd);
    for (int i = first; i < argc; i++)
        measure(argv[i], runs);
    return 0;
}
