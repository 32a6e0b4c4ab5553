// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/activation/place.h"

#include "daemon/activation/generation.h"
#include "daemon/files/directory.h"
#include "daemon/files/other_root.h"
#include "sharedregion/hash_tree.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <linux/magic.h>
#include <mntent.h>
#include <string_view>
#include <sys/mount.h>
#include <sys/vfs.h>

namespace sharedregion {

namespace {

bool is_memory(const struct statfs &fs) {
    return fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC;
}

bool is_memory(const std::string &path) {
    struct statfs fs;
    return statfs(path.c_str(), &fs) == 0 && is_memory(fs);
}

// Users' activations are nobody else's business; those of the system are for every process.
mode_t place_mode(bool secret) {
    return geteuid() == 0 && !secret ? 0755 : 0700;
}

// Whether others may make names in a directory.
bool is_open_to_others(const std::string &path) {
    struct stat st;
    return stat(path.c_str(), &st) != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0;
}

Outcome<UniqueFd> make_closed(int parent, const std::string &name, const std::string &path, bool secret) {
    UniqueFd fd = TRY(make_own_directory(parent, name, path, place_mode(secret)));
    if (secret && fchmod(fd.get(), 0700) != 0) // it may be older
        return Failure::system(errno, path, "cannot set mode");
    return fd;
}

// Beside each KEY lies a symlink KEY.state to the state directory: it tells whose activations KEY holds.
constexpr std::string_view kOwnerSuffix = ".state";

std::string owner_link(const std::string &key) {
    return key + std::string(kOwnerSuffix);
}

void note_owner(int ours, const std::string &key, const std::string &state_path) {
    if (read_symlink(ours, owner_link(key)) != state_path)
        (void)symlinkat(state_path.c_str(), ours, owner_link(key).c_str()); // without it, no more than a leak
}

// KEY with everything in it. `ours` is PARENT/shared-region*.
void remove_key(int ours, const std::string &path, const std::string &key) {
    (void)remove_tree(ours, key, path + "/" + key);
    (void)unlinkat(ours, owner_link(key).c_str(), 0);
}

constexpr char kMountPoint[] = "/run/shared-region", kMountName[] = "shared-region",
               kMountSource[] = "shared-region";
constexpr unsigned long kMountFlags = MS_NOSUID | MS_NODEV | MS_NOEXEC;

// Whether mount_own_tmpfs() made what is mounted there; an administrator's mount has another source.
bool is_own_mount(const std::string &path) {
    bool own = false;
    FILE *mounts = path == kMountPoint ? fopen_of_machine("/proc/self/mounts") : nullptr;
    if (mounts == nullptr)
        return false;
    while (const mntent *entry = getmntent(mounts))
        if (path == entry->mnt_dir) // the last one lies on top
            own = entry->mnt_fsname == std::string_view(kMountSource);
    endmntent(mounts);
    return own;
}

bool is_empty(const std::string &path) {
    Outcome<UniqueFd> directory = open_trusted_directory(AT_FDCWD, path, path);
    if (!directory.ok())
        return false;
    Outcome<std::vector<std::string>> names = list_directory(directory.value().get(), path);
    return names.ok() && names.value().empty();
}

// By the name in an open directory, whose path no link can exchange.
bool unmount_in(const UniqueFd &parent, const std::string &name) {
    UniqueFd before(open(".", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!before.valid() || fchdir(parent.get()) != 0)
        return false;
    const bool unmounted = umount2(name.c_str(), UMOUNT_NOFOLLOW) == 0;
    (void)fchdir(before.get());
    return unmounted;
}

// Never by force, and nothing is remounted: an activation under way holds its directory open, so that
// unmounting fails (EBUSY). One that began and ended between the look and the call would be lost, and its
// programs start by plain ld.so; but verifying alone takes it a thousand times longer than that.
bool unmount_if_empty(const UniqueFd &parent, const std::string &path) {
    return is_empty(path) && unmount_in(parent, path.substr(path.rfind('/') + 1));
}

// The last one turns off the light. Who activates just now finds its place gone and makes it again
// (make_activation_place()).
void remove_if_empty(const std::string &path) {
    const size_t slash = path.rfind('/');
    if (!std::string_view(path).substr(slash + 1).starts_with("shared-region"))
        return;
    UniqueFd parent(open_directory_inside(AT_FDCWD, path.substr(0, slash).c_str(), O_PATH));
    if (!parent.valid() || (is_own_mount(path) && !unmount_if_empty(parent, path)))
        return;
    (void)unlinkat(parent.get(), &path[slash + 1], AT_REMOVEDIR); // fails where anything is in it
}

// What state directories left that do not exist any more. One that cannot be looked at may exist; those of
// another root directory have other keys.
void remove_orphans(int ours, const std::string &path) {
    Outcome<std::vector<std::string>> names = list_directory(ours, path);
    if (!names.ok())
        return;
    for (const std::string &name : names.value()) {
        struct stat st;
        if (!name.ends_with(kOwnerSuffix))
            continue;
        const std::string state = read_symlink(ours, name), key = name.substr(0, name.find('.'));
        if (key == activation_key(state) && lstat(state.c_str(), &st) != 0 &&
            (errno == ENOENT || errno == ENOTDIR))
            remove_key(ours, path, key);
    }
}

Done check_memory(const UniqueFd &directory, const std::string &path) {
    struct statfs fs;
    if (fstatfs(directory.get(), &fs) != 0)
        return Failure::system(errno, path, "cannot stat file system");
    if (!is_memory(fs))
        return Failure::about(path,
                              "not in a tmpfs: an activation must not outlive a reboot; name a directory "
                              "in a tmpfs with --tmpfs");
    return Success{};
}

// `parent`/`name` made and opened; refuses what is not memory: it would outlive a reboot.
Outcome<ActivationPlace> place_in(const std::string &parent, const std::string &name,
                                  const std::string &state_path, std::string note) {
    const std::string key = activation_key(state_path);
    UniqueFd top(open_directory_inside(AT_FDCWD, parent.c_str(), O_RDONLY));
    if (!top.valid())
        return Failure::system(errno, parent, "cannot open directory");
    std::string path = parent + "/" + name;
    bool secret = is_open_to_others(parent);
    struct stat st;
    // What is there already may be a mount point; what is not is made only where it may be.
    if (fstatat(top.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0)
        TRY(check_memory(top, path));
    UniqueFd ours = TRY(make_closed(top.get(), name, path, secret));
    TRY(check_memory(ours, path));
    remove_orphans(ours.get(), path); // first: they may be what fills it
    note_owner(ours.get(), key, state_path);
    path += "/" + key;
    UniqueFd directory = TRY(make_closed(ours.get(), key, path, secret));
    return ActivationPlace{std::move(directory), std::move(path), std::move(note), secret};
}

// Containers and small systems have /run on disk. A tmpfs of our own there keeps the place that the
// system's /run rules protect: unlike in /dev/shm, nobody else can make the directory first after a reboot.
// It is mounted on the working directory, which no link can exchange.
bool mount_own_tmpfs() {
    UniqueFd before(open(".", O_PATH | O_DIRECTORY | O_CLOEXEC));
    UniqueFd run(open_directory_inside(AT_FDCWD, "/run", O_PATH));
    if (!before.valid() || !run.valid() || (mkdirat(run.get(), kMountName, 0755) != 0 && errno != EEXIST))
        return false;
    UniqueFd here(open_directory_inside(run.get(), kMountName, O_PATH | O_NOFOLLOW));
    struct statfs fs;
    if (!here.valid() || fstatfs(here.get(), &fs) != 0 || is_memory(fs) || fchdir(here.get()) != 0)
        return false;
    const bool mounted = mount(kMountSource, ".", "tmpfs", kMountFlags, "mode=0755") == 0;
    (void)fchdir(before.get());
    return mounted;
}

Outcome<ActivationPlace> place_for_root(const std::string &state_path) {
    if (is_memory("/run/shared-region") || is_memory("/run"))
        return place_in("/run", "shared-region", state_path, "");
    if (mount_own_tmpfs())
        return place_in("/run", "shared-region", state_path,
                        "/run is not in a tmpfs: mounted one on /run/shared-region");
    return place_in(
        "/dev/shm", "shared-region-0", state_path,
        "/run is not in a tmpfs and none may be mounted: used /dev/shm, for root's processes only");
}

Outcome<ActivationPlace> place_for_user(const std::string &state_path) {
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    struct stat st;
    if (runtime != nullptr && runtime[0] == '/' && stat(runtime, &st) == 0 && st.st_uid == geteuid() &&
        (st.st_mode & (S_IWGRP | S_IWOTH)) == 0 && is_memory(runtime))
        return place_in(runtime, "shared-region", state_path, "");
    return place_in("/dev/shm", "shared-region-" + std::to_string(geteuid()), state_path,
                    std::string("XDG_RUNTIME_DIR is ") +
                        (runtime == nullptr || *runtime == 0 ? "not set" : "no tmpfs of yours") +
                        ": used /dev/shm");
}

Outcome<ActivationPlace> make_place_once(const std::string &state_path, const std::string &wanted) {
    if (!wanted.empty())
        return place_in(wanted, "shared-region-" + std::to_string(geteuid()), state_path, "");
    return geteuid() == 0 ? place_for_root(state_path) : place_for_user(state_path);
}

std::vector<std::string> usual_places() {
    std::vector<std::string> places = {"/dev/shm/shared-region-" + std::to_string(geteuid())};
    if (geteuid() == 0)
        places.emplace_back("/run/shared-region");
    if (const char *runtime = getenv("XDG_RUNTIME_DIR"); runtime != nullptr && runtime[0] == '/')
        places.push_back(std::string(runtime) + "/shared-region");
    return places;
}

} // namespace

void remove_activations(const std::string &state_path) {
    for (const std::string &place : usual_places()) {
        if (Outcome<UniqueFd> ours = open_trusted_directory(AT_FDCWD, place, place); ours.ok()) {
            remove_key(ours.value().get(), place, activation_key(state_path));
            remove_orphans(ours.value().get(), place);
        } else {
            continue;
        }
        remove_if_empty(place);
    }
}

void remove_place_of(const std::string &activation_directory, const std::string &state_path) {
    const std::string key = activation_key(state_path);
    const size_t name = activation_directory.rfind('/'), end = std::min(name, activation_directory.size());
    const size_t slash = activation_directory.rfind('/', end == 0 ? 0 : end - 1);
    if (slash == std::string::npos || activation_directory.substr(slash + 1, end - slash - 1) != key)
        return;
    const std::string place = activation_directory.substr(0, slash);
    if (Outcome<UniqueFd> ours = open_trusted_directory(AT_FDCWD, place, place); ours.ok())
        remove_key(ours.value().get(), place, key);
    else
        return;
    remove_if_empty(place);
}

std::string activation_name(const Uuid &uuid) {
    return to_hex(uuid).substr(0, 16);
}

std::string state_of_activation(const ActivationPlace &place, const std::string &name) {
    const std::string ours = place.path.substr(0, place.path.rfind('/'));
    UniqueFd fd(openat(place.directory.get(), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    Outcome<std::vector<std::string>> names = list_directory(fd.get(), ours);
    if (!names.ok())
        return "";
    for (const std::string &link : names.value()) {
        struct stat st;
        const std::string directory = link.substr(0, link.find('.')) + "/" + name;
        if (link.ends_with(kOwnerSuffix) && fstatat(fd.get(), directory.c_str(), &st, 0) == 0)
            return read_symlink(fd.get(), link);
    }
    return "";
}

bool is_secret_place(const std::string &activation_directory) {
    std::string path = activation_directory;
    for (int level = 0; level < 3; level++) // PARENT/shared-region*/KEY/NAME
        path.resize(std::min(path.size(), path.rfind('/')));
    return access(path.c_str(), F_OK) == 0 && is_open_to_others(path);
}

std::string activation_key(const std::string &state_path) {
    struct stat root = {};
    (void)stat("/", &root);
    const std::string name =
        state_path + '\0' + std::to_string(root.st_dev) + ':' + std::to_string(root.st_ino);
    Uuid id;
    std::memcpy(id.bytes, sha256(name.data(), name.size()).bytes, sizeof id.bytes);
    return to_hex(id).substr(0, 16);
}

Outcome<ActivationPlace> make_activation_place(const std::string &state_path, const std::string &wanted) {
    constexpr int kTries = 5;
    for (int i = 1;; i++) {
        Outcome<ActivationPlace> place = make_place_once(state_path, wanted);
        const int code = place.ok() ? 0 : place.error().code;
        // Another state's `clean` may have taken the empty place away while this process made its own there
        // (EINVAL: what lay below the mount is no tmpfs).
        if (i == kTries || (code != ENOENT && code != EINVAL))
            return place;
        usleep(10000);
    }
}

} // namespace sharedregion
