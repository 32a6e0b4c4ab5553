// SPDX-License-Identifier: GPL-2.0-or-later
// Directories that may be trusted, and atomic changes inside them.
//
// "Trusted" means: owned by root or the caller, writable by nobody else. No function here follows a
// symlink in the last component that it opens or makes.
#pragma once

#include "daemon/files/unique_fd.h"
#include "sharedregion/failure.h"

#include <string>
#include <sys/stat.h>
#include <vector>

namespace sharedregion {

// Whether `st` (of `path`, for the message) is owned by root or the caller and not writable by others.
Done check_trusted(const struct stat &st, const std::string &path);

// Opens a trusted directory `name` in `parent` (AT_FDCWD: name is a path). `path` is for messages.
Outcome<UniqueFd> open_trusted_directory(int parent, const std::string &name, const std::string &path);

// As above, but makes it with `mode` if it is missing, and wants the caller for an owner.
Outcome<UniqueFd> make_own_directory(int parent, const std::string &name, const std::string &path,
                                     mode_t mode);

// Makes the missing directories above `path` (absolute).
Done make_parents(const std::string &path, mode_t mode);

// Fails where somebody else could replace a component above `path` (an absolute canonical path): a
// parent that is writable by others and has no sticky bit, or that another user owns.
Done check_parents(const std::string &path);

// A symlink under a temporary name: what can run out of space. It gets its name at commit(), or goes again.
class NewSymlink {
  public:
    // `parent` stays open as long as this. `path`: for messages.
    static Outcome<NewSymlink> make(int parent, const std::string &name, const std::string &target,
                                    const std::string &path);
    NewSymlink(NewSymlink &&other) noexcept;
    ~NewSymlink();
    // A reader sees the old or the new one.
    Done commit();

  private:
    NewSymlink(int parent, std::string name, std::string temporary, std::string path);
    int parent_;
    std::string name_, temporary_, path_; // temporary_ empty: nothing to take away
};

// Makes `name` in `parent` a symlink to `target`; a reader sees the old or the new one.
Done replace_symlink(int parent, const std::string &name, const std::string &target, const std::string &path);

// The target of the symlink `name` in `parent`; empty where there is none.
std::string read_symlink(int parent, const std::string &name);

// Names in a directory, without "." and "..", sorted.
Outcome<std::vector<std::string>> list_directory(int directory, const std::string &path);

// Removes `name` in `parent` with everything below it, not crossing into symlinks.
Done remove_tree(int parent, const std::string &name, const std::string &path);

// `count` random hexadecimal digits from getrandom(2).
std::string random_hex(unsigned count);

} // namespace sharedregion
