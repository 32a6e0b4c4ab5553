// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a program costs from exec to exit, by ld.so and as the system starts it; for a guest with -icount,
 * where the TSC counts instructions.
 *
 *   measure [-n RUNS] [-e NAME=VALUE] [-o FILE] [-p] PROGRAM ARGUMENT...
 *
 * -p: plain, in a mount namespace of its own, where the kernel module substitutes no ld.so. -e: for the
 * program. -o: what the program writes goes there, else nowhere. Prints the median of the instructions; the
 * mean of the minor faults in hundredths, as they are few and differ by one or two from start to start; and
 * of one more, traced run, when it exits: mappings, VmPTE in kB, and its exit code.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_RUNS 101

struct options {
    int runs;
    int plain;
    const char *output;
    char **argv;
};

static void die(const char *what) {
    fprintf(stderr, "measure: %s: %s\n", what, strerror(errno));
    exit(125);
}

static uint64_t now(void) {
    uint32_t low, high;

    __asm__ volatile("lfence; rdtsc; lfence" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

static int compare(const void *a, const void *b) {
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static uint64_t median(uint64_t *samples, int count) {
    qsort(samples, count, sizeof(*samples), compare);
    return samples[count / 2];
}

static uint64_t mean_in_hundredths(const uint64_t *samples, int count) {
    uint64_t sum = 0;
    int i;

    for (i = 0; i < count; i++)
        sum += samples[i];
    return sum * 100 / count;
}

/* When the child called execve(); it shares our memory until then (vfork). */
static volatile uint64_t exec_began;

/* In the child: both streams to /dev/null or the file. */
static void become(const struct options *options) {
    int in = open("/dev/null", O_RDONLY);
    int out = options->output ? open(options->output, O_WRONLY | O_CREAT | O_TRUNC, 0644)
                              : open("/dev/null", O_WRONLY);

    dup2(in, 0);
    dup2(out, 1);
    dup2(out, 2);
    exec_began = now();
    execv(options->argv[0], options->argv);
    _exit(127);
}

/* One run: instructions from execve() until its parent knows that it has ended. */
static uint64_t run(const struct options *options, uint64_t *faults) {
    struct rusage usage;
    uint64_t end;
    int status;
    pid_t pid;

    pid = vfork();
    if (!pid)
        become(options);
    if (pid < 0 || wait4(pid, &status, 0, &usage) != pid)
        die("cannot start");
    end = now();
    *faults = usage.ru_minflt;
    return end - exec_began;
}

static long field(pid_t pid, const char *file, const char *name) {
    char path[64], line[512];
    long value = -1, lines = 0;
    FILE *stream;

    snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
    stream = fopen(path, "r");
    if (!stream)
        die(path);
    while (fgets(line, sizeof(line), stream)) {
        lines++;
        if (name && !strncmp(line, name, strlen(name)))
            value = strtol(line + strlen(name), NULL, 10);
    }
    fclose(stream);
    return name ? value : lines;
}

/* Stops the program at its exit, when its address space is still there. */
static void trace(const struct options *options) {
    long mappings = -1, tables = -1;
    pid_t pid = fork();
    int status;

    if (!pid) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        become(options);
    }
    if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
        die("cannot trace");
    ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEEXIT | PTRACE_O_TRACEEXEC);
    for (;;) {
        ptrace(PTRACE_CONT, pid, 0, 0);
        if (waitpid(pid, &status, 0) != pid)
            die("cannot wait");
        if (!WIFSTOPPED(status))
            break;
        if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXIT << 8)) {
            mappings = field(pid, "maps", NULL);
            tables = field(pid, "status", "VmPTE:");
        }
    }
    printf(" %ld %ld %d\n", mappings, tables,
           WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

int main(int argc, char **argv) {
    uint64_t instructions[MAX_RUNS], faults[MAX_RUNS], unused;
    struct options options = {.runs = 5};
    int option, i;

    while ((option = getopt(argc, argv, "+n:e:o:p")) != -1) {
        switch (option) {
        case 'n':
            options.runs = atoi(optarg);
            break;
        case 'e':
            putenv(optarg);
            break;
        case 'o':
            options.output = optarg;
            break;
        case 'p':
            options.plain = 1;
            break;
        default:
            return 125;
        }
    }
    options.argv = argv + optind;
    if (!options.argv[0] || options.runs < 1 || options.runs > MAX_RUNS)
        return 125;
    if (options.plain && unshare(CLONE_NEWNS))
        die("unshare");
    run(&options, &unused); /* files into the page cache */
    for (i = 0; i < options.runs; i++)
        instructions[i] = run(&options, &faults[i]);
    printf("%llu %llu", (unsigned long long)median(instructions, options.runs),
           (unsigned long long)mean_in_hundredths(faults, options.runs));
    fflush(stdout);
    trace(&options);
    return 0;
}
