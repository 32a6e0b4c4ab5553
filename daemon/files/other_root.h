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

#include "sharedregion/failure.h"

#include <string>

namespace sharedregion {

// Moves this process, unless it is there; its working directory is the new root then. Where that fails
// nothing has changed.
Done enter_other_root(const std::string &directory);

// DIR as an absolute path of the machine; empty: this process is where it was started.
const std::string &other_root();

// As open(2) with O_CLOEXEC for an absolute path of the machine. Async-signal-safe.
int open_of_machine(const char *path, int flags);

// The same for access(2) and fopen(3) with mode "re".
bool can_access_of_machine(const char *path, int mode);
FILE *fopen_of_machine(const char *path);

// As openat(2) with O_CLOEXEC for a directory of this root. In another root directory magic links of a /proc
// that is visible there would lead out of it: ELOOP (openat2(2), RESOLVE_NO_MAGICLINKS).
int open_directory_inside(int at, const char *path, int flags);

// Moves a child back, to execute a program of the machine. Async-signal-safe.
bool return_to_machine();

} // namespace sharedregion
