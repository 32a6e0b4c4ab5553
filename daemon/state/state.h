// SPDX-License-Identifier: GPL-2.0-or-later
// The state directory: where generations live, which one is current, which activation is in use.
//
//     ld-dyld.so               made from the machine's ld.so, names this directory
//     libdyldshim.so           copy of the shim, where builds are for it too (`dyldctl build --shim`)
//     genuine-ld.so -> genuine/NAME     where ld-dyld.so finds the genuine ld.so: `dyldctl run` mounts it on
//                              that empty file, a service's drop-in mounts its directory on genuine/
//     generations/NAME/        shared_cache, sets (immutable)
//     current -> generations/NAME
//     active  -> activation directory in a tmpfs (daemon/activation)
//     lock                     flock(2)ed by whoever changes any of this
//     CACHEDIR.TAG             marks the directory as ours (and tells backups to leave it out)
#pragma once

#include "daemon/files/directory.h"

namespace sharedregion {

inline constexpr const char *kCacheTagName = "CACHEDIR.TAG";
inline constexpr const char *kStateVariable = "DYLD_SHARED_CACHE_DIR";

// --state, else DYLD_SHARED_CACHE_DIR, else /var/cache/shared-region (root), else
// $XDG_CACHE_HOME/shared-region or ~/.cache/shared-region. Fails where none of them is set.
Outcome<std::string> choose_state_path(const std::string &option);

// The same for commands that only read: users without a state of their own get the system's, if there is one.
Outcome<std::string> choose_existing_state_path(const std::string &option);

// As StateDirectory::path() would give it; the directory itself may be missing, its parent not.
Outcome<std::string> canonical_state_path(const std::string &path);

// Marks a directory as ours and as one that backup programs leave out, unless it is.
Done write_cache_tag(int directory, const std::string &path);

// Held by the one process that changes a state directory.
class StateLock {
  public:
    explicit StateLock(UniqueFd fd) : fd_(std::move(fd)) {}

  private:
    UniqueFd fd_;
};

class StateDirectory {
  public:
    // Opens an existing state directory that may be trusted (directory.h).
    static Outcome<StateDirectory> open(const std::string &path);
    // Opens it for changes and makes what is missing. Refuses a directory that holds anything foreign.
    static Outcome<StateDirectory> make(const std::string &path);
    // The same for choose_existing_state_path(option).
    static Outcome<StateDirectory> open_existing(const std::string &option);
    // The same for choose_state_path(option).
    static Outcome<StateDirectory> open_chosen(const std::string &option);
    static Outcome<StateDirectory> make_chosen(const std::string &option);

    const std::string &path() const { return path_; } // absolute, no symlink in it
    int fd() const { return fd_.get(); }
    std::string file(const std::string &name) const { return path_ + "/" + name; }

    // Whether the directory has our tag; `foreign` (may be null) gets a name that is not ours.
    bool is_ours(std::string *foreign) const;

    std::string generation_path(const std::string &name) const { return file("generations/" + name); }
    std::string current_generation() const; // its name; empty: none
    std::string active_directory() const;   // absolute path; empty: none

    Done set_current(const std::string &generation) const;
    Outcome<NewSymlink> make_active(const std::string &directory) const; // in use from its commit() on

    // Waits for the lock; `waiting` is called once before a wait.
    Outcome<StateLock> lock(void (*waiting)()) const;

  private:
    StateDirectory(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
    std::string path_;
    UniqueFd fd_;
};

} // namespace sharedregion
