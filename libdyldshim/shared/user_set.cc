// SPDX-License-Identifier: GPL-2.0-or-later
#include "libdyldshim/shared/user_set.h"

#include "libdyldshim/shared/strings.h"
#include "libdyldshim/shared/syscalls.h"
#include "sharedregion/file_identity.h"
#include "sharedregion/user_set_check.h"

#include <linux/capability.h>

namespace sharedregion {
namespace {

// The value of a variable (`name` ends with '='), if it is an absolute path; nullptr: there is none.
const char *absolute_path(const StartArgs &args, const char *name) {
    for (const char *const *entry = args.envp(); *entry != nullptr; entry++)
        if (const char *value = after_prefix(*entry, name))
            return *value == '/' ? value : nullptr;
    return nullptr;
}

// Maps the file if it is the caller's alone; 0: it is not.
uint64_t map_own_file(const StartArgs &args, int fd, uint64_t *size, FileIdentity *identity) {
    struct stat st;
    if (!is_own_file(args, fd, S_IFREG, &st) || st.st_size <= 0 ||
        static_cast<uint64_t>(st.st_size) > kLargestUserSet)
        return 0;
    *identity = identity_of(st);
    *size = static_cast<uint64_t>(st.st_size);
    long mapped = sys_mmap(0, *size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    return is_error(mapped) ? 0 : static_cast<uint64_t>(mapped);
}

// The set in an open file; false: it cannot be used, and nothing is mapped.
bool read_user_set(const StartArgs &args, int fd, const UserSetFit &fit, LaunchRequest *request,
                   FileIdentity *identity) {
    uint64_t size;
    uint64_t mapping = map_own_file(args, fd, &size, identity);
    if (mapping == 0)
        return false;
    auto view = UserSetView::open(ByteView(reinterpret_cast<const void *>(mapping), size), &fit);
    if (!view.ok() || !check_user_set(view.value(), *request->region).ok()) {
        sys_munmap(mapping, size);
        return false;
    }
    request->set_fd = fd;
    request->set_offset = kPageSize;
    request->set_size = view.value().header().blob_size;
    request->text_size = view.value().header().text_size;
    request->pieces = view.value().pieces().begin();
    request->piece_count = view.value().header().piece_count;
    request->set_mapping = mapping;
    request->set_mapping_size = size;
    request->set_identity = identity;
    return true;
}

// The set of the program under this path; false: there is none that can be used.
bool find_by_path(const StartArgs &args, int directory, uint64_t key, uint64_t path_hash,
                  LaunchRequest *request, FileIdentity *identity) {
    UserSetFit fit = {request->region, key, path_hash};
    UserSetName name(key, path_hash, request->region->uuid);
    // Not waiting: somebody may have put a pipe there.
    int fd = sys_openat(directory, name.text, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return false;
    if (read_user_set(args, fd, fit, request, identity))
        return true;
    sys_close(fd);
    return false;
}

// The executed path first: mostly it is the canonical one, and the first look into a process's /proc costs as
// much as 20 others. Links, relative paths and scripts take the second.
bool find_in_directory(const StartArgs &args, int directory, uint64_t key, char *path, LaunchRequest *request,
                       FileIdentity *identity) {
    const char *executed = reinterpret_cast<const char *>(args.value(AT_EXECFN));
    uint64_t first = executed != nullptr && *executed == '/' ? hash_path(executed, length_of(executed)) : 0;
    if (first != 0 && find_by_path(args, directory, key, first, request, identity))
        return true;
    uint64_t own = hash_own_path(path);
    return own != 0 && own != first && find_by_path(args, directory, key, own, request, identity);
}

bool has_mark(const StartArgs &args, UserMark::Kind kind, const Uuid &activation) {
    UserMark mark(kind, args.value(AT_EUID), activation);
    struct stat st;
    return syscall3(__NR_lstat, as_word(mark.text), as_word(&st)) == 0 && S_ISREG(st.st_mode) &&
           st.st_uid == args.value(AT_EUID);
}

// The same in the user's home. (Not inlined: its buffer would move the stack of every start to other pages.)
[[gnu::noinline]] bool find_marked(const StartArgs &args, uint64_t key, LaunchRequest *request,
                                   FileIdentity *identity) {
    char path[kPathSize];
    if (user_directory_path(args, path) == 0)
        return false;
    int directory = open_user_directory(args, path);
    if (directory < 0)
        return false;
    bool found = find_in_directory(args, directory, key, path, request, identity);
    sys_close(directory);
    if (!found || !has_capabilities(args))
        return found;
    drop_user_set(request);
    return false;
}

} // namespace

uint64_t user_directory_path(const StartArgs &args, char *path) {
    TextBuffer text = {path, path + kPathSize - 1};
    if (const char *cache = absolute_path(args, "XDG_CACHE_HOME=")) {
        append(&text, cache);
    } else if (const char *home = absolute_path(args, "HOME=")) {
        append(&text, home);
        append(&text, "/.cache");
    } else {
        return 0;
    }
    append(&text, "/shared-region");
    *text.at = 0;
    return text.at == text.end ? 0 : static_cast<uint64_t>(text.at - path);
}

bool is_unknown_user(const StartArgs &args) {
    return args.value(AT_EUID) == kOverflowUser;
}

bool may_make_user_directory(const StartArgs &args) {
    if (args.value(AT_EUID) != 0)
        return true;
    const char *base = absolute_path(args, "XDG_CACHE_HOME=");
    if (base == nullptr)
        base = absolute_path(args, "HOME=");
    struct stat st;
    return base != nullptr &&
           syscall6(__NR_newfstatat, static_cast<unsigned>(AT_FDCWD), as_word(base), as_word(&st),
                    AT_SYMLINK_NOFOLLOW) == 0 &&
           st.st_uid == 0;
}

bool is_own_file(const StartArgs &args, int fd, mode_t type, struct stat *out) {
    return !is_unknown_user(args) && sys_fstat(fd, out) == 0 && (out->st_mode & S_IFMT) == type &&
           out->st_uid == args.value(AT_EUID) && (out->st_mode & (S_IWGRP | S_IWOTH)) == 0 &&
           (type == S_IFDIR || out->st_nlink == 1);
}

int open_user_directory(const StartArgs &args, const char *path) {
    struct stat st;
    int fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && !is_own_file(args, fd, S_IFDIR, &st)) {
        sys_close(fd);
        return -1;
    }
    return fd;
}

uint64_t hash_own_path(char *path) {
    long size = syscall3(__NR_readlink, as_word(kOwnProgram), as_word(path), kPathSize);
    if (size <= 0 || static_cast<uint64_t>(size) == kPathSize)
        return 0;
    path[size] = 0;
    return hash_path(path, static_cast<uint64_t>(size));
}

bool is_unchanged(const LaunchRequest &request) {
    struct stat st;
    return sys_fstat(request.set_fd, &st) == 0 && identity_of(st) == *request.set_identity;
}

bool has_capabilities(const StartArgs &args) {
    if (args.value(AT_EUID) == 0)
        return false;
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
    return syscall3(__NR_capget, as_word(&header), as_word(data)) != 0 ||
           (data[0].permitted | data[1].permitted) != 0;
}

bool find_user_set(const StartArgs &args, UserMark::Kind mark, uint64_t key, LaunchRequest *request,
                   FileIdentity *identity) {
    if (args.value(AT_SECURE) != 0 || is_unknown_user(args) || !has_mark(args, mark, request->region->uuid))
        return false;
    return find_marked(args, key, request, identity);
}

void drop_user_set(LaunchRequest *request) {
    sys_munmap(request->set_mapping, request->set_mapping_size);
    sys_close(request->set_fd);
    request->set_mapping_size = 0;
    request->set_fd = -1;
}

} // namespace sharedregion
