// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/files/child.h"

#include "daemon/files/other_root.h"
#include "daemon/files/unique_fd.h"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>

namespace sharedregion {

namespace {

struct Pipe {
    UniqueFd reader, writer;
};

Outcome<Pipe> make_pipe() {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0)
        return Failure::system(errno, "", "cannot make a pipe");
    return Pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

// Only async-signal-safe calls: this is between fork and exec.
[[noreturn]] void become(char *const *arguments, pid_t parent, int output, int errors) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) // it died before the prctl
        _exit(127);
    if (!return_to_machine())
        _exit(127);
    int null = open("/dev/null", O_RDONLY);
    dup2(null, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    dup2(errors, STDERR_FILENO);
    execv(arguments[0], arguments);
    _exit(127);
}

// Splits what arrives into lines.
class LineReader {
  public:
    explicit LineReader(const std::function<void(const std::string &)> &on_line) : on_line_(on_line) {}
    void add(const char *data, size_t size) {
        pending_.append(data, size);
        for (size_t end; (end = pending_.find('\n')) != std::string::npos; pending_.erase(0, end + 1))
            on_line_(pending_.substr(0, end));
    }
    void finish() {
        if (!pending_.empty())
            on_line_(pending_);
        pending_.clear();
    }

  private:
    const std::function<void(const std::string &)> &on_line_;
    std::string pending_;
};

// False at the end of the stream.
template <class Sink> bool read_some(int fd, Sink sink) {
    char buffer[16384];
    ssize_t size = read(fd, buffer, sizeof buffer);
    if (size > 0)
        sink(buffer, size_t(size));
    return size > 0 || (size < 0 && errno == EINTR);
}

void collect(int output, int errors, std::string *text, LineReader *lines) {
    pollfd fds[] = {{output, POLLIN, 0}, {errors, POLLIN, 0}};
    while (fds[0].fd >= 0 || fds[1].fd >= 0) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            break;
        if (fds[0].revents != 0 &&
            !read_some(fds[0].fd, [&](const char *data, size_t size) { text->append(data, size); }))
            fds[0].fd = -1;
        if (fds[1].revents != 0 &&
            !read_some(fds[1].fd, [&](const char *data, size_t size) { lines->add(data, size); }))
            fds[1].fd = -1;
    }
    lines->finish();
}

} // namespace

void occupy_standard_streams() {
    // open(2) takes the lowest number that is free.
    while (true) {
        const int fd = open("/", O_PATH | O_CLOEXEC);
        if (fd < 0)
            return;
        if (fd > STDERR_FILENO) {
            close(fd);
            return;
        }
    }
}

Outcome<ChildResult> run_child(const std::vector<std::string> &arguments,
                               const std::function<void(const std::string &)> &on_error_line) {
    std::vector<char *> argv;
    argv.reserve(arguments.size() + 1);
    for (const std::string &argument : arguments)
        argv.push_back(const_cast<char *>(argument.c_str()));
    argv.push_back(nullptr);
    Pipe output = TRY(make_pipe()), errors = TRY(make_pipe());
    pid_t parent = getpid(), child = fork();
    if (child < 0)
        return Failure::system(errno, arguments[0], "cannot fork");
    if (child == 0)
        become(argv.data(), parent, output.writer.get(), errors.writer.get());
    output.writer.reset();
    errors.writer.reset();
    ChildResult result = {};
    LineReader lines(on_error_line);
    collect(output.reader.get(), errors.reader.get(), &result.output, &lines);
    while (waitpid(child, &result.status, 0) < 0)
        if (errno != EINTR)
            return Failure::system(errno, arguments[0], "cannot wait for it");
    return result;
}

std::string status_text(int status) {
    if (WIFSIGNALED(status))
        return "signal " + std::to_string(WTERMSIG(status)) + " (" + strsignal(WTERMSIG(status)) + ")";
    return "exit code " + std::to_string(WEXITSTATUS(status));
}

} // namespace sharedregion
