// SPDX-License-Identifier: GPL-2.0-or-later
// See run_command.h.
#include "builder/support/run_command.h"

#include "builder/support/file.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sharedregion {

namespace {

using Clock = std::chrono::steady_clock;
constexpr size_t kLargestOutput = 1 << 20;

std::vector<char *> pointers(const std::vector<std::string> &texts) {
    std::vector<char *> result;
    result.reserve(texts.size() + 1);
    for (const std::string &text : texts)
        result.push_back(const_cast<char *>(text.c_str()));
    result.push_back(nullptr);
    return result;
}

int start(const std::vector<std::string> &arguments, const std::vector<std::string> &environment, int output,
          pid_t *pid) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output, 1);
    posix_spawn_file_actions_adddup2(&actions, output, 2);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
    int error = posix_spawn(pid, arguments[0].c_str(), &actions, &attributes, pointers(arguments).data(),
                            pointers(environment).data());
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

// Reads until end of file; false at the deadline.
bool read_all(int fd, Clock::time_point deadline, std::string *text) {
    char buffer[4096];
    for (;;) {
        auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
        pollfd ready{fd, POLLIN, 0};
        int count = left > 0 ? poll(&ready, 1, static_cast<int>(left)) : 0;
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        ssize_t size = read(fd, buffer, sizeof buffer);
        if (size <= 0)
            return true;
        if (text->size() < kLargestOutput)
            text->append(buffer, static_cast<size_t>(size));
    }
}

} // namespace

CommandResult run_command(const std::vector<std::string> &arguments,
                          const std::vector<std::string> &environment, unsigned timeout_ms) {
    CommandResult result;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        result.error = errno;
        return result;
    }
    FileDescriptor reader(ends[0]);
    pid_t pid = 0;
    {
        FileDescriptor writer(ends[1]);
        result.error = start(arguments, environment, writer.get(), &pid);
    }
    if (result.error != 0)
        return result;
    result.timed_out =
        !read_all(reader.get(), Clock::now() + std::chrono::milliseconds(timeout_ms), &result.output);
    if (result.timed_out)
        kill(-pid, SIGKILL);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return result;
}

} // namespace sharedregion
