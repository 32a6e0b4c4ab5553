// SPDX-License-Identifier: GPL-2.0-or-later
#include "libdyldshim/tail/background.h"

#include "libdyldshim/shared/program.h"
#include "libdyldshim/shared/region_file.h"
#include "libdyldshim/shared/strings.h"
#include "libdyldshim/shared/syscalls.h"
#include "libdyldshim/shared/user_set.h"
#include "libdyldshim/tail/builder_process.h"
#include "sharedregion/file_identity.h"
#include "sharedregion/set_view.h"

#include <sys/file.h>
#include <time.h>

namespace sharedregion {
namespace {

// How long a failed attempt is believed, unless the program changes.
constexpr int64_t kFailureSeconds = 3600;

using Kind = UserSetName::Kind;

// The program at hand, and where its set would be.
struct Subject {
    const StartArgs &args;
    uint64_t key;
    uint64_t path_hash;
    struct stat file;
};

// Whether the set at an offset of a file is one of this very file.
bool is_set_of(const Subject &subject, int fd, uint64_t offset) {
    long page = sys_mmap(0, kPageSize, PROT_READ, MAP_PRIVATE, fd, offset);
    if (is_error(page))
        return false;
    bool same = reinterpret_cast<const SetHeader *>(page)->identity == identity_of(subject.file);
    sys_munmap(static_cast<uint64_t>(page), kPageSize);
    return same;
}

bool is_in_region(const Subject &subject, LaunchRequest set) {
    for (uint64_t probe = 0; find_set(subject.key, &probe, &set);)
        if (is_set_of(subject, set.region_fd, set.set_offset))
            return true;
    return false;
}

// Whether all libraries are those that the set was made with.
bool has_same_libraries(const LaunchRequest &found) {
    auto set = SetView::open(
        ByteView(reinterpret_cast<const void *>(found.set_mapping + found.set_offset), found.set_size));
    if (!set.ok())
        return false;
    struct stat st;
    for (const SetDependency &dependency : set.value().dependencies())
        if (sys_stat(set.value().string(dependency.path), &st) != 0 ||
            !(identity_of(st) == dependency.identity))
            return false;
    for (uint32_t path : set.value().absent())
        if (sys_stat(set.value().string(path), &st) == 0)
            return false;
    return true;
}

bool is_saved(const Subject &subject, LaunchRequest set) {
    FileIdentity identity;
    if (!find_user_set(subject.args, UserMark::Kind::Own, subject.key, &set, &identity))
        return false;
    bool same = is_set_of(subject, set.set_fd, set.set_offset) && has_same_libraries(set);
    drop_user_set(&set);
    return same;
}

// Makes the directory below a home that exists; `path` ends with /.cache/shared-region or /shared-region.
int make_user_directory(const StartArgs &args, char *path, uint64_t length) {
    constexpr uint64_t kName = sizeof "/shared-region" - 1;
    if (!may_make_user_directory(args))
        return open_user_directory(args, path);
    path[length - kName] = 0;
    syscall3(__NR_mkdir, as_word(path), 0700); // errors show at open
    path[length - kName] = '/';
    syscall3(__NR_mkdir, as_word(path), 0700);
    return open_user_directory(args, path);
}

// Whether an attempt failed not long ago, for the program as it is.
bool has_failed(const Subject &subject, int directory, const Uuid &activation) {
    UserSetName name(subject.key, subject.path_hash, activation, Kind::Failed);
    struct stat st;
    struct timespec now = {};
    if (syscall6(__NR_newfstatat, static_cast<unsigned>(directory), as_word(name.text), as_word(&st),
                 AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    syscall3(__NR_clock_gettime, CLOCK_REALTIME, as_word(&now));
    return st.st_mtim.tv_sec >= subject.file.st_ctim.tv_sec && st.st_mtim.tv_sec <= now.tv_sec &&
           st.st_mtim.tv_sec + kFailureSeconds > now.tv_sec;
}

long make_file(int directory, const UserSetName &name, unsigned flags) {
    return syscall6(__NR_openat, static_cast<unsigned>(directory), as_word(name.text),
                    flags | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
}

void remove_file(int directory, const UserSetName &name) {
    syscall3(__NR_unlinkat, static_cast<unsigned>(directory), as_word(name.text), 0);
}

// Whether an open file still has this name.
bool has_name(int fd, int directory, const UserSetName &name) {
    struct stat mine, named;
    return sys_fstat(fd, &mine) == 0 &&
           syscall6(__NR_newfstatat, static_cast<unsigned>(directory), as_word(name.text), as_word(&named),
                    AT_SYMLINK_NOFOLLOW) == 0 &&
           mine.st_dev == named.st_dev && mine.st_ino == named.st_ino;
}

// The lock of this program's set; -1: somebody has it, or has just ended and removed it.
int take_lock(int directory, const UserSetName &name) {
    int fd = static_cast<int>(make_file(directory, name, O_RDWR));
    if (fd >= 0 && (syscall3(__NR_flock, static_cast<unsigned>(fd), LOCK_EX | LOCK_NB) != 0 ||
                    !has_name(fd, directory, name))) {
        sys_close(fd);
        return -1;
    }
    return fd;
}

// The attempt is recorded as failed first, which holds if the builder is killed. It writes the reason there,
// or removes it.
bool note_attempt(int directory, const UserSetName &name) {
    constexpr char kText[] = "started it did not end, or is still at work";
    int fd = static_cast<int>(make_file(directory, name, O_WRONLY | O_TRUNC));
    if (fd < 0)
        return false;
    bool written = sys_write(fd, kText, sizeof kText - 1) == sizeof kText - 1;
    sys_close(fd);
    return written;
}

const char *start_builder(const PlainStart &start, const Subject &subject, int directory,
                          const Uuid &activation) {
    if (has_failed(subject, directory, activation))
        return "failed-before";
    UserSetName lock_name(subject.key, subject.path_hash, activation, Kind::Lock);
    UserSetName failed_name(subject.key, subject.path_hash, activation, Kind::Failed);
    int lock = take_lock(directory, lock_name);
    if (lock < 0)
        return "busy";
    bool started = note_attempt(directory, failed_name) && start_builder_process(start, lock);
    if (!started) {
        remove_file(directory, failed_name);
        remove_file(directory, lock_name);
    }
    sys_close(lock);
    return started ? "started" : "not-possible";
}

const char *build(const PlainStart &start, const LaunchRequest &request) {
    char path[kPathSize];
    ProgramImage program = find_program(start.args);
    Subject subject = {start.args, program.key, hash_own_path(path), {}};
    if (is_unknown_user(start.args) || !program.has_headers || subject.path_hash == 0 ||
        sys_stat(kOwnProgram, &subject.file) != 0)
        return "not-possible";
    if (is_in_region(subject, request))
        return "in-cache";
    if (is_saved(subject, request))
        return "saved";
    uint64_t length = user_directory_path(start.args, path);
    int directory = length == 0 ? -1 : make_user_directory(start.args, path, length);
    if (directory < 0 || !may_start_builder(start))
        return "not-possible";
    const char *word = start_builder(start, subject, directory, request.region->uuid);
    sys_close(directory);
    return word;
}

} // namespace

JitReason build_in_background(const PlainStart &start, LaunchRequest *request) {
    if (start.reason != JitReason::Building || start.policy.report == Report::Only)
        return start.reason;
    JitReason reason = open_region_file(start.args, start.policy.state, request);
    if (reason == JitReason::None) {
        request->detail = build(start, *request);
        reason = JitReason::Building;
    }
    return reason;
}

} // namespace sharedregion
