// SPDX-License-Identifier: GPL-2.0-or-later
// start-ratio: how long one program takes from spawn to exit with ld-dyld.so, compared with ld.so.
//
// For work on the loader: two children, each in a mount namespace of its own, one with ld-dyld.so bound
// over the program's interpreter, spawn the program in turn on one CPU. Needs root. For people there is
// `dyldctl bench`.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sched.h>
#include <string>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <vector>

extern char **environ;

namespace {

struct Sample {
    int64_t nanoseconds;
    long faults;
    int status;
};

[[noreturn]] void die(const char *what) {
    perror(what);
    exit(2);
}

int64_t now() {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

Sample spawn_once(char **argv) {
    Sample sample = {};
    struct rusage usage;
    pid_t child;
    int64_t begin = now();
    // posix_spawn(3) would add a stack of its own and signal masks; here nothing is shared that matters.
    if ((child = vfork()) == 0) {
        execve(argv[0], argv, environ);
        _exit(127);
    }
    if (child < 0 || wait4(child, &sample.status, 0, &usage) != child)
        die("wait4");
    sample.nanoseconds = now() - begin;
    sample.faults = usage.ru_minflt;
    return sample;
}

// One of the two sides: spawns when told to, answers with a Sample.
class Side {
  public:
    // `loader` is bound over `interpreter`, the genuine one over `alias`; nullptr: plain.
    Side(char **argv, const char *interpreter, const char *loader, const char *alias) {
        int ask[2], answer[2];
        if (pipe(ask) != 0 || pipe(answer) != 0)
            die("pipe");
        if (fork() == 0) {
            close(ask[1]);
            serve(argv, interpreter, loader, alias, ask[0], answer[1]);
        }
        close(ask[0]);
        close(answer[1]);
        ask_ = ask[1];
        answer_ = answer[0];
    }
    Sample measure() const {
        Sample sample;
        if (write(ask_, "", 1) != 1 || read(answer_, &sample, sizeof sample) != sizeof sample)
            die("side");
        return sample;
    }

  private:
    [[noreturn]] static void serve(char **argv, const char *interpreter, const char *loader,
                                   const char *alias, int ask, int answer) {
        if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
            die("unshare");
        if (loader != nullptr && (mount(interpreter, alias, nullptr, MS_BIND, nullptr) != 0 ||
                                  mount(loader, interpreter, nullptr, MS_BIND, nullptr) != 0))
            die("bind mount");
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        for (int fd = 0; fd < 3; fd++)
            dup2(null, fd);
        for (char byte; read(ask, &byte, 1) == 1;) {
            Sample sample = spawn_once(argv);
            if (write(answer, &sample, sizeof sample) != sizeof sample)
                break;
        }
        _exit(0);
    }

    int ask_, answer_;
};

int64_t quantile(std::vector<int64_t> values, unsigned percent) {
    std::sort(values.begin(), values.end());
    return values[(values.size() - 1) * percent / 100];
}

double ratio(const std::vector<int64_t> &a, const std::vector<int64_t> &b, unsigned percent) {
    return static_cast<double>(quantile(a, percent)) / static_cast<double>(quantile(b, percent));
}

constexpr char kUsage[] =
    "usage: start-ratio [-n ROUNDS] [-c CPU] [-i INTERPRETER] STATE PROGRAM [ARGUMENT...]\n"
    "Compares starts with STATE/ld-dyld.so (which needs STATE/genuine-ld.so) to plain ones.\n";

} // namespace

int main(int argc, char **argv) {
    int rounds = 300, cpu = 0;
    std::string interpreter = "/lib64/ld-linux-x86-64.so.2";
    for (int key; (key = getopt(argc, argv, "+n:c:i:")) != -1;) {
        if (key == 'n')
            rounds = atoi(optarg);
        else if (key == 'c')
            cpu = atoi(optarg);
        else if (key == 'i')
            interpreter = optarg;
        else
            optind = argc;
    }
    if (argc - optind < 2 || rounds < 1) {
        fputs(kUsage, stderr);
        return 2;
    }
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(cpu, &cpus);
    sched_setaffinity(0, sizeof cpus, &cpus);
    std::string state = argv[optind];
    std::string loader = state + "/ld-dyld.so", alias = state + "/genuine-ld.so";
    Side plain(argv + optind + 1, interpreter.c_str(), nullptr, nullptr);
    Side shared(argv + optind + 1, interpreter.c_str(), loader.c_str(), alias.c_str());
    std::vector<int64_t> plain_times, shared_times;
    Sample first = plain.measure(), second = shared.measure();
    for (int i = 0; i < rounds; i++) {
        bool swap = i % 2 != 0; // so that neither side is always the one that follows the other
        Sample a = swap ? shared.measure() : plain.measure();
        Sample b = swap ? plain.measure() : shared.measure();
        first = swap ? b : a;
        second = swap ? a : b;
        plain_times.push_back(first.nanoseconds);
        shared_times.push_back(second.nanoseconds);
    }
    printf("%s: ld.so %.1f us (quartiles %.1f-%.1f), %ld faults, status %d; ld-dyld.so %.1f us "
           "(%.1f-%.1f), %ld faults, status %d; ratio %.3f (of lower quartiles %.3f)\n",
           argv[optind + 1], quantile(plain_times, 50) / 1e3, quantile(plain_times, 25) / 1e3,
           quantile(plain_times, 75) / 1e3, first.faults, first.status, quantile(shared_times, 50) / 1e3,
           quantile(shared_times, 25) / 1e3, quantile(shared_times, 75) / 1e3, second.faults, second.status,
           ratio(shared_times, plain_times, 50), ratio(shared_times, plain_times, 25));
    return first.status != second.status;
}
