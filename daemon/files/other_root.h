// SPDX-License-Identifier: GPL-2.0-or-later
// Working for the system below another root directory (`dyldctl --root DIR`), whose programs, libraries and
// ld.so are others than this machine's, and which holds none of this package's files.
//
// The process moves there by chroot(2): from then on every path means what it means to the programs there. It
// stays in its mount namespace, so that what it mounts for an activation, and the pair of interpreters that
// it sets, are theirs as well. What belongs to the machine and not to one system on it (/proc, /dev/null, the
// module's device, this package's files) is opened by open_of_machine(), since a root directory may have none
// of it.
//
// A process has one root directory, hence the functions without an object.
#pragma once

#include "daemon/files/unique_fd.h"
#include "sharedregion/open_file.h"

#include <string>
#include <vector>

namespace sharedregion {

// Moves this process, unless it is there; its working directory is the new root then. Where that fails
// nothing has changed.
Done enter_other_root(const std::string &directory);

// DIR as an absolute path of the machine; empty: this process is where it was started.
const std::string &other_root();

// Arguments by which a helper works for the same root directory: its path for messages, and the directory
// itself, which helpers inherit, since by now the path may lead to another one. Empty where there is none.
std::vector<std::string> root_arguments();

// As open(2) with O_CLOEXEC for an absolute path of the machine. Async-signal-safe.
int open_of_machine(const char *path, int flags);

// The same for access(2) and fopen(3) with mode "re".
bool can_access_of_machine(const char *path, int mode);
FILE *fopen_of_machine(const char *path);

// The links that names of this root directory may lead through: in another one no magic links.
Links links_inside();

// As openat(2) with O_CLOEXEC for a directory of this root; links_inside().
int open_directory_inside(int at, const char *path, int flags);

// open_regular() for a file of this root, which may be FIFO, device or a magic link where it is another's.
Outcome<UniqueFd> open_regular_inside(int at, const std::string &name, int flags, const std::string &path,
                                      mode_t mode = 0);

// Moves a child back, to execute a program of the machine. Async-signal-safe.
bool return_to_machine();

} // namespace sharedregion
