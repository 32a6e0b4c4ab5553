// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/spawn_server.h"

#include "bench/syscall_counter.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

namespace sharedregion {

namespace {

constexpr int kTimeoutMilliseconds = 60000;
constexpr size_t kLineSize = 512;

enum Kind : int { kSpawn, kCount, kErrorLine };

struct Request {
    uint32_t command;
    int32_t kind;
    char text[kLineSize];
};

struct Line {
    char text[kLineSize];
};

int64_t now() {
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return int64_t(time.tv_sec) * 1000000000 + time.tv_nsec;
}

// argv of each command, made before anything is timed.
class Arguments {
  public:
    explicit Arguments(const std::vector<BenchCommand> &commands) {
        for (const BenchCommand &command : commands) {
            std::vector<char *> argv;
            for (const std::string &argument : command.arguments)
                argv.push_back(const_cast<char *>(argument.c_str()));
            argv.push_back(nullptr);
            argv_.push_back(std::move(argv));
        }
    }
    char *const *operator[](unsigned command) const { return argv_[command].data(); }

  private:
    std::vector<std::vector<char *>> argv_;
};

SpawnSample spawn_once(const char *path, char *const *argv) {
    SpawnSample sample = {};
    rusage usage = {};
    int64_t begin = now();
    pid_t child = vfork(); // as posix_spawn(3) does: no page table is copied
    if (child == 0) {
        execve(path, argv, environ);
        _exit(127);
    }
    while (child > 0 && wait4(child, &sample.status, 0, &usage) < 0 && errno == EINTR) {
    }
    sample.nanoseconds = now() - begin;
    sample.minor_faults = usage.ru_minflt;
    return sample;
}

Line error_line(const char *path, char *const *argv, const char *variable) {
    Line line = {};
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0)
        return line;
    pid_t child = fork();
    if (child == 0) {
        putenv(const_cast<char *>(variable));
        dup2(fds[1], STDERR_FILENO);
        execve(path, argv, environ);
        _exit(127);
    }
    close(fds[1]);
    ssize_t size = read(fds[0], line.text, sizeof line.text - 1);
    line.text[size > 0 ? std::find(line.text, line.text + size, '\n') - line.text : 0] = 0;
    close(fds[0]);
    if (child > 0)
        waitpid(child, nullptr, 0);
    return line;
}

void pin(int cpu) {
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(cpu, &cpus);
    (void)sched_setaffinity(0, sizeof cpus, &cpus); // figures are noisier without
}

template <class Answer> bool answer(int socket, const Answer &value) {
    return send(socket, &value, sizeof value, MSG_NOSIGNAL) == sizeof value;
}

// Ends when the other side closes the socket.
[[noreturn]] void serve(const std::vector<BenchCommand> &commands, int socket) {
    Arguments arguments(commands);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        dup2(null, fd);
    Request request;
    while (recv(socket, &request, sizeof request, 0) == sizeof request && request.command < commands.size()) {
        const char *path = commands[request.command].path.c_str();
        char *const *argv = arguments[request.command];
        bool sent = request.kind == kSpawn   ? answer(socket, spawn_once(path, argv))
                    : request.kind == kCount ? answer(socket, count_syscalls_of(path, argv))
                                             : answer(socket, error_line(path, argv, request.text));
        if (!sent)
            break;
    }
    _exit(0);
}

} // namespace

Outcome<SpawnServer> SpawnServer::start(const std::vector<BenchCommand> &commands, int cpu,
                                        const std::function<Done()> &prepare) {
    int sockets[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0)
        return Failure::system(errno, "", "cannot make a socket pair");
    pid_t child = fork();
    if (child < 0)
        return Failure::system(errno, "", "cannot fork");
    if (child == 0) {
        close(sockets[0]);
        setpgid(0, 0); // so that what hangs can be killed with its server
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        Done prepared = prepare();
        Line line = {};
        if (!prepared.ok())
            strncpy(line.text, prepared.error().message().c_str(), sizeof line.text - 1);
        if (!answer(sockets[1], line) || !prepared.ok())
            _exit(1);
        if (cpu >= 0)
            pin(cpu);
        serve(commands, sockets[1]);
    }
    close(sockets[1]);
    SpawnServer server(child, sockets[0]);
    Line line;
    if (recv(sockets[0], &line, sizeof line, 0) != sizeof line)
        return Failure::about("", "the process that starts programs died", Failure::kNoOffset, EIO);
    if (line.text[0] != 0)
        return Failure::about("", line.text, Failure::kNoOffset, EPERM);
    return server;
}

SpawnServer::SpawnServer(SpawnServer &&other) noexcept
    : pid_(std::exchange(other.pid_, -1)), socket_(std::exchange(other.socket_, -1)) {}

SpawnServer::~SpawnServer() {
    if (pid_ <= 0)
        return;
    close(socket_);
    kill(-pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
}

Done SpawnServer::ask(unsigned command, int kind, const std::string &text, void *answer, size_t size) {
    Request request = {command, kind, {}};
    strncpy(request.text, text.c_str(), sizeof request.text - 1);
    if (send(socket_, &request, sizeof request, MSG_NOSIGNAL) != sizeof request)
        return Failure::system(errno, "", "the process that starts programs died");
    pollfd wait = {socket_, POLLIN, 0};
    if (poll(&wait, 1, kTimeoutMilliseconds) != 1)
        return Failure::about("", "the program did not end within a minute", Failure::kNoOffset, ETIMEDOUT);
    if (recv(socket_, answer, size, 0) != ssize_t(size))
        return Failure::about("", "the process that starts programs died", Failure::kNoOffset, EIO);
    return Success{};
}

Outcome<SpawnSample> SpawnServer::spawn(unsigned command) {
    SpawnSample sample;
    TRY(ask(command, kSpawn, "", &sample, sizeof sample));
    return sample;
}

Outcome<SyscallCount> SpawnServer::count_syscalls(unsigned command) {
    SyscallCount count;
    TRY(ask(command, kCount, "", &count, sizeof count));
    return count;
}

Outcome<std::string> SpawnServer::first_error_line(unsigned command, const std::string &variable) {
    Line line;
    TRY(ask(command, kErrorLine, variable, &line, sizeof line));
    return std::string(line.text);
}

} // namespace sharedregion
