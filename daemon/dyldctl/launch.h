// SPDX-License-Identifier: GPL-2.0-or-later
// A mount namespace in which ld-dyld.so lies at ld.so's path, for `run`, `why` and `bench`.
#pragma once

#include "daemon/state/state.h"

namespace sharedregion {

// What starting programs needs to know of a state directory.
struct LaunchFiles {
    std::string state;          // directory
    std::string ld_dyld;        // STATE/ld-dyld.so
    std::string alias;          // STATE/genuine-ld.so
    std::string genuine_loader; // canonical path of the machine's ld.so
    bool loader_changed;        // the machine's ld.so is not the one that ld-dyld.so was made from
    bool moved;                 // ld-dyld.so was made for another directory: its own state is elsewhere
};

// Errors: nothing was built for this state.
Outcome<LaunchFiles> find_launch_files(const StateDirectory &state);

// The same for choose_existing_state_path(option); ENOENT also where there is no such directory.
Outcome<LaunchFiles> find_launch_files(const std::string &option);

// Puts this process into such a namespace: as root a mount namespace, else a user and mount namespace that
// keeps uid and gid. Fails, with the process as it was, where that is not allowed.
Done enter_launch_namespace(const LaunchFiles &files);

// The opposite: puts this process, which may lie in such a namespace, into one in which the genuine ld.so is
// at its path again. For captures, which start programs by it. Does nothing where it is there already.
Done enter_genuine_namespace(const LaunchFiles &files);

// Whether ld-dyld.so of this state already lies at ld.so's path (inside `dyldctl run`).
bool inside_launch_namespace(const LaunchFiles &files);

} // namespace sharedregion
