// SPDX-License-Identifier: GPL-2.0-or-later
// system(3) and popen(3), interposed: libc's own ones call its posix_spawn where nobody can interpose it, so
// these do what POSIX says, by the shell's set. Without one libc's functions do it.
//
// Source: POSIX.1-2017, system() and popen(); glibc for what POSIX leaves open: a thread that is cancelled in
// system() kills the shell and waits for it, fclose(3) of a stream from popen() is a pclose(3).
#include "libdyldshim/preload/interposed.h"
#include "libdyldshim/preload/kernel.h"
#include "libdyldshim/preload/spawn.h"

#include <atomic>
#include <paths.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace sharedregion;

extern "C" {
// Other names of libc's functions.
FILE *_IO_popen(const char *command, const char *mode);
int _IO_fclose(FILE *stream);
}

namespace {

// SIGINT and SIGQUIT are ignored while any thread is in system(): the first one in changes them, the last one
// out restores them.
pthread_mutex_t ignoring = PTHREAD_MUTEX_INITIALIZER;
unsigned waiting_threads;
struct sigaction old_interrupt, old_quit;

void ignore_signals() {
    struct sigaction ignore = {};
    ignore.sa_handler = SIG_IGN;
    pthread_mutex_lock(&ignoring);
    if (waiting_threads++ == 0) {
        sigaction(SIGINT, &ignore, &old_interrupt);
        sigaction(SIGQUIT, &ignore, &old_quit);
    }
    pthread_mutex_unlock(&ignoring);
}

void restore_signals() {
    pthread_mutex_lock(&ignoring);
    if (--waiting_threads == 0) {
        sigaction(SIGINT, &old_interrupt, nullptr);
        sigaction(SIGQUIT, &old_quit, nullptr);
    }
    pthread_mutex_unlock(&ignoring);
}

pid_t wait_for(pid_t child, int *status) {
    pid_t done;
    while ((done = waitpid(child, status, 0)) < 0 && errno == EINTR) {
    }
    return done;
}

// One system() under way.
struct Command {
    pid_t child;
    sigset_t mask; // of the caller
};

// The thread is cancelled: nobody will wait for the shell.
void abandon(void *argument) {
    auto *command = static_cast<Command *>(argument);
    int state;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    kill(command->child, SIGKILL);
    wait_for(command->child, nullptr);
    restore_signals();
    sigprocmask(SIG_SETMASK, &command->mask, nullptr);
}

// The child has the caller's mask, and the signals that the caller did not ignore as they are by default.
bool spawn_command(const char *line, Command *command, int *error) {
    char *const argv[] = {const_cast<char *>("sh"), const_cast<char *>("-c"), const_cast<char *>(line),
                          nullptr};
    posix_spawnattr_t attributes;
    sigset_t defaults;
    sigemptyset(&defaults);
    if (old_interrupt.sa_handler != SIG_IGN)
        sigaddset(&defaults, SIGINT);
    if (old_quit.sa_handler != SIG_IGN)
        sigaddset(&defaults, SIGQUIT);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &command->mask);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    bool prebuilt = spawn_prebuilt(&command->child, _PATH_BSHELL, nullptr, &attributes, argv, environ, error);
    posix_spawnattr_destroy(&attributes);
    return prebuilt;
}

// False: was not done.
bool run_command(const char *line, int *status) {
    Command command;
    sigset_t block;
    int error = 0;
    ignore_signals();
    sigemptyset(&block);
    sigaddset(&block, SIGCHLD);
    sigprocmask(SIG_BLOCK, &block, &command.mask);
    bool done = spawn_command(line, &command, &error);
    *status = 127 << 8;
    if (done && error == 0) {
        pthread_cleanup_push(abandon, &command);
        if (wait_for(command.child, status) != command.child)
            *status = -1;
        pthread_cleanup_pop(0);
        error = errno;
    }
    restore_signals();
    sigprocmask(SIG_SETMASK, &command.mask, nullptr);
    if (done && (error != 0 || *status == -1))
        errno = error;
    return done;
}

// Streams of popen() that are open. One more than there is room for is libc's.
struct Pipe {
    FILE *stream;
    pid_t child;
};
constexpr unsigned kMaxPipes = 64;
pthread_mutex_t piping = PTHREAD_MUTEX_INITIALIZER;
Pipe pipes[kMaxPipes];
std::atomic<unsigned> open_pipes;

// Takes a stream out of the table; 0: it is not in there.
pid_t forget(FILE *stream) {
    pid_t child = 0;
    if (open_pipes.load(std::memory_order_acquire) == 0)
        return 0;
    pthread_mutex_lock(&piping);
    for (Pipe &pipe : pipes)
        if (pipe.stream == stream && pipe.child != 0) {
            child = pipe.child;
            pipe = {};
            open_pipes--;
            break;
        }
    pthread_mutex_unlock(&piping);
    return child;
}

struct PipeMode {
    bool writes = false;
    bool close_on_exec = false;
};

// "r" or "w", and "e" for O_CLOEXEC.
bool read_mode(const char *text, PipeMode *mode) {
    bool reads = false;
    for (; *text != 0; text++) {
        if (*text == 'r')
            reads = true;
        else if (*text == 'w')
            mode->writes = true;
        else if (*text == 'e')
            mode->close_on_exec = true;
        else
            return false;
    }
    return reads != mode->writes;
}

// The child's file actions: its end of the pipe in place, streams of earlier popen() calls closed.
void fill_actions(posix_spawn_file_actions_t *actions, int child_end, int child_fd) {
    // dup2 of a descriptor onto itself clears its FD_CLOEXEC here (posix_spawn_file_actions_adddup2(3)).
    posix_spawn_file_actions_adddup2(actions, child_end, child_fd);
    for (const Pipe &pipe : pipes)
        if (pipe.child != 0 && fileno(pipe.stream) != child_fd)
            posix_spawn_file_actions_addclose(actions, fileno(pipe.stream));
}

Pipe *free_pipe() {
    for (Pipe &pipe : pipes)
        if (pipe.child == 0)
            return &pipe;
    return nullptr;
}

bool spawn_shell(const char *line, int child_end, int child_fd, pid_t *child, int *error) {
    char *const argv[] = {const_cast<char *>("sh"), const_cast<char *>("-c"), const_cast<char *>(line),
                          nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    fill_actions(&actions, child_end, child_fd);
    bool prebuilt = spawn_prebuilt(child, _PATH_BSHELL, &actions, nullptr, argv, environ, error);
    posix_spawn_file_actions_destroy(&actions);
    return prebuilt;
}

// False: was not done. The caller holds the lock.
bool open_pipe(const char *line, const PipeMode &mode, FILE **stream) {
    Pipe *slot = free_pipe();
    int fds[2], error = 0;
    if (slot == nullptr || pipe2(fds, O_CLOEXEC) != 0)
        return false;
    const int own_end = fds[mode.writes ? 1 : 0], child_end = fds[mode.writes ? 0 : 1];
    *stream = fdopen(own_end, mode.writes ? "w" : "r");
    pid_t child = 0;
    bool done = *stream != nullptr &&
                spawn_shell(line, child_end, mode.writes ? STDIN_FILENO : STDOUT_FILENO, &child, &error);
    close(child_end);
    if (done && error == 0) {
        if (!mode.close_on_exec)
            fcntl(own_end, F_SETFD, 0);
        *slot = {*stream, child};
        open_pipes++;
        return true;
    }
    if (*stream != nullptr)
        _IO_fclose(*stream);
    else
        close(own_end);
    *stream = nullptr;
    errno = error;
    return done;
}

} // namespace

extern "C" {

SHIM_EXPORT int system(const char *line) {
    int status;
    if (line != nullptr && run_command(line, &status))
        return status;
    return next_function<int(const char *)>("system")(line);
}

SHIM_EXPORT FILE *popen(const char *line, const char *mode) {
    PipeMode wanted;
    FILE *stream = nullptr;
    bool done = false;
    if (read_mode(mode, &wanted)) {
        pthread_mutex_lock(&piping);
        done = open_pipe(line, wanted, &stream);
        pthread_mutex_unlock(&piping);
    }
    return done ? stream : _IO_popen(line, mode);
}

SHIM_EXPORT int fclose(FILE *stream) {
    pid_t child = forget(stream);
    int result = _IO_fclose(stream), status;
    if (child == 0)
        return result;
    if (wait_for(child, &status) != child)
        return -1;
    return status != 0 ? status : result; // what could not be written is an error of its own, as glibc's
}

SHIM_EXPORT int pclose(FILE *stream) {
    return fclose(stream);
}
}
