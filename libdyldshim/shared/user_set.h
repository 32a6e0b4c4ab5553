// SPDX-License-Identifier: GPL-2.0-or-later
// The caller's own sets: $XDG_CACHE_HOME/shared-region, else $HOME/.cache/shared-region.
//
// Nothing of them is used that anybody but the caller could have written (docs/security.md): the directory
// and the file are the effective user's, nobody else may write them, neither is a symlink, and the file has
// one name.
#pragma once

#include "libdyldshim/shared/launch.h"
#include "libdyldshim/shared/start_args.h"
#include "sharedregion/user_set_format.h"

#include <sys/stat.h>

namespace sharedregion {

// Bytes for a path with its NUL.
inline constexpr uint64_t kPathSize = 4096;

// Writes the directory's path; 0: there is none (no variable with an absolute path, or too long), else its
// length. The last component is `shared-region`.
uint64_t user_directory_path(const StartArgs &args, char *path);

// Whether the directory may be made: root makes none in what another user controls.
bool may_make_user_directory(const StartArgs &args);

// Opens the directory if it may be trusted; else -1.
int open_user_directory(const StartArgs &args, const char *path);

// What the process executes: its canonical path's hash; 0: not known (no /proc).
uint64_t hash_own_path(char *path);

// Whether nobody can be told from the caller by owner: the overflow user of a user namespace.
bool is_unknown_user(const StartArgs &args);

// Whether an open file or directory is the caller's alone; fills `out`.
bool is_own_file(const StartArgs &args, int fd, mode_t type, struct stat *out);

// Finds the set of the program with this key for the activation in the request, checks it (UserSetView), and
// puts it there: set_fd, set_offset, set_size, set_mapping, text_size, set_identity. False: there is none
// that can be used. Looks into the home only if the user has the mark (sharedregion/user_mark.h). `identity`
// has to live as long as the request.
bool find_user_set(const StartArgs &args, UserMark::Kind mark, uint64_t key, LaunchRequest *request,
                   FileIdentity *identity);

// Whether the file is still what was checked: seen again right before the set is used.
bool is_unchanged(const LaunchRequest &request);

// Whether the process may do what its user may not (ambient capabilities: AT_SECURE is 0). Such a process
// takes nothing from a home.
bool has_capabilities(const StartArgs &args);

// Undoes find_user_set().
void drop_user_set(LaunchRequest *request);

} // namespace sharedregion
