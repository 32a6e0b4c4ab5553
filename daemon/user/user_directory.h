// SPDX-License-Identifier: GPL-2.0-or-later
// The caller's directory of own sets: $XDG_CACHE_HOME/shared-region, else ~/.cache/shared-region.
//
// ld-dyld.so reads it at starts (libdyldshim/shared/user_set.h) and uses nothing that anybody but the caller
// could have written; here it is made and written so. A user's state directory may be the same directory.
#pragma once

#include "daemon/files/directory.h"
#include "sharedregion/user_set_format.h"

#include <optional>

namespace sharedregion {

// One file NAME.set as it is; `header` holds nothing where `error` says why the file cannot be used.
struct UserSetFile {
    std::string name;
    std::string path;    // of the file
    std::string program; // canonical path
    UserSetHeader header = {};
    std::string error;
};

class UserDirectory {
  public:
    // The path; ENOENT where neither variable holds an absolute one.
    static Outcome<std::string> find_path();
    // Opens it; ENOENT: nothing was saved yet. Refused where somebody else may write it.
    static Outcome<UserDirectory> open();
    // The same, and makes what is missing.
    static Outcome<UserDirectory> make();

    const std::string &path() const { return path_; }
    std::string file(const std::string &name) const { return path_ + "/" + name; }
    int fd() const { return fd_.get(); }

    // Writes a complete file of mode 0600 and gives it its name, replacing the old one.
    Done write(const std::string &name, const void *bytes, uint64_t size) const;
    Done remove(const std::string &name) const;

    // All sets, also those that cannot be used any more.
    Outcome<std::vector<UserSetFile>> sets() const;
    // One of them; nullopt: there is none of this name.
    std::optional<UserSetFile> read(const std::string &name) const;

    // Removes what can never be used again: sets of earlier activations of this state in this boot, and after
    // a week all that is not of the current activation. (Another machine may share the home: its boots and
    // activations are not known here.)
    void prune(const UserSetHeader &current) const;
    // Removes all sets and what belongs to them, and the directory, unless it is a state as well; returns how
    // many sets there were.
    Outcome<uint64_t> clean() const;

    // Waits for the lock of one set's building; without `wait` an invalid descriptor where somebody has it.
    Outcome<UniqueFd> lock(const std::string &name, bool wait) const;

    // Whether an open file is the one of this name.
    bool is_named(int fd, const std::string &name) const;

  private:
    UserDirectory(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
    std::string path_;
    UniqueFd fd_;
};

// Whether a name in that directory is one of a set, its lock, its record of a failure, or of a file of them
// that is being written.
bool is_user_set_name(const std::string &name);

// Of this boot; all zero where /proc does not tell.
Uuid read_boot_id();

} // namespace sharedregion
