// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which programs a command executes, and how each of them started.
 *
 *   processes FILE COMMAND ARGUMENT...
 *
 * Writes a line for every exec in the command's tree of processes to FILE, "EXECUTABLE HOW", as it is when
 * the program's own first instruction is about to run: "kernel", text comes from the kernel's region; "file",
 * from a file of the cache; "plain", neither; "killed", the program was never reached. Exits with the
 * command's exit code.
 *
 * A breakpoint at AT_ENTRY tells when: ld.so, whichever it was, is done then, and the exec that may follow
 * has not yet taken away what there is to see.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_PENDING 64
#define BREAKPOINT 0xccul

/* A process between its exec and its entry point. */
struct pending {
    pid_t pid;
    uint64_t entry, word;
};

static struct pending pending[MAX_PENDING];
static FILE *out;

static void die(const char *what) {
    fprintf(stderr, "processes: %s: %s\n", what, strerror(errno));
    exit(125);
}

static struct pending *find(pid_t pid) {
    int i;

    for (i = 0; i < MAX_PENDING; i++)
        if (pending[i].pid == pid)
            return &pending[i];
    return NULL;
}

static uint64_t entry_of(pid_t pid) {
    Elf64_auxv_t entry;
    uint64_t value = 0;
    char path[64];
    FILE *stream;

    snprintf(path, sizeof(path), "/proc/%d/auxv", pid);
    stream = fopen(path, "r");
    if (!stream)
        die(path);
    while (fread(&entry, sizeof(entry), 1, stream) == 1 && entry.a_type != AT_NULL)
        if (entry.a_type == AT_ENTRY)
            value = entry.a_un.a_val;
    fclose(stream);
    return value;
}

static const char *how(pid_t pid) {
    const char *found = "plain";
    char path[64], line[PATH_MAX + 128];
    FILE *stream;

    snprintf(path, sizeof(path), "/proc/%d/maps", pid);
    stream = fopen(path, "r");
    if (!stream)
        die(path);
    while (fgets(line, sizeof(line), stream)) {
        if (!strstr(line, " r-xp "))
            continue;
        if (strstr(line, " shared_region:"))
            found = "kernel";
        else if (strstr(line, "/shared_cache") && strcmp(found, "kernel"))
            found = "file";
    }
    fclose(stream);
    return found;
}

static void report(pid_t pid, const char *started) {
    char path[64], target[PATH_MAX];
    ssize_t length;

    snprintf(path, sizeof(path), "/proc/%d/exe", pid);
    length = readlink(path, target, sizeof(target) - 1);
    if (length < 0)
        die(path);
    fprintf(out, "%.*s %s\n", (int)length, target, started);
}

static void executed(pid_t pid) {
    struct pending *slot = find(0);

    if (!slot)
        die("too many processes start at once");
    slot->entry = entry_of(pid);
    errno = 0;
    slot->word = ptrace(PTRACE_PEEKTEXT, pid, slot->entry, 0);
    if (errno || ptrace(PTRACE_POKETEXT, pid, slot->entry, (slot->word & ~0xfful) | BREAKPOINT))
        die("no breakpoint");
    slot->pid = pid;
}

/* Whether this trap was the breakpoint, which is then gone. */
static int entered(pid_t pid) {
    struct pending *slot = find(pid);
    struct user_regs_struct registers;

    if (!slot || ptrace(PTRACE_GETREGS, pid, 0, &registers) || registers.rip != slot->entry + 1)
        return 0;
    report(pid, how(pid));
    registers.rip = slot->entry;
    if (ptrace(PTRACE_POKETEXT, pid, slot->entry, slot->word) || ptrace(PTRACE_SETREGS, pid, 0, &registers))
        die("the breakpoint stays");
    slot->pid = 0;
    return 1;
}

/* One stop of a process: the signal to go on with. */
static int stopped(pid_t pid, int status) {
    struct pending *slot;

    switch (status >> 16) {
    case PTRACE_EVENT_EXEC:
        executed(pid);
        return 0;
    case PTRACE_EVENT_EXIT:
        slot = find(pid);
        if (slot) {
            report(pid, "killed");
            slot->pid = 0;
        }
        return 0;
    case 0:
        return WSTOPSIG(status) == SIGTRAP && entered(pid) ? 0 : WSTOPSIG(status);
    default:
        return 0;
    }
}

int main(int argc, char **argv) {
    int status, code = 125;
    pid_t command, pid;

    if (argc < 3)
        return 125;
    out = fopen(argv[1], "we");
    if (!out)
        die(argv[1]);
    command = fork();
    if (!command) {
        raise(SIGSTOP);
        execvp(argv[2], argv + 2);
        _exit(127);
    }
    if (waitpid(command, &status, WUNTRACED) != command || !WIFSTOPPED(status))
        die("cannot start");
    if (ptrace(PTRACE_SEIZE, command, 0,
               PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC |
                   PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL))
        die("cannot trace");
    kill(command, SIGCONT);
    while ((pid = waitpid(-1, &status, __WALL)) > 0) {
        if (WIFSTOPPED(status))
            ptrace(PTRACE_CONT, pid, 0, stopped(pid, status));
        else if (pid == command)
            code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    if (fclose(out))
        die(argv[1]);
    return code;
}
