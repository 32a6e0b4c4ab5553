// SPDX-License-Identifier: GPL-2.0-or-later
// Where activations of a state directory live: a directory in a tmpfs that nobody else can write.
#pragma once

#include "daemon/files/unique_fd.h"
#include "sharedregion/failure.h"
#include "sharedregion/file_header.h"

#include <string>

namespace sharedregion {

struct ActivationPlace {
    UniqueFd directory; // holds one directory per activation of this state
    std::string path;
    std::string note; // why it is not the usual place; empty: it is
    bool secret;      // see is_secret_place()
};

// Whether an activation directory lies where everybody may make names, as in /dev/shm: after a reboot
// somebody else could make a directory of the same name there before us, and fill it. Such a directory's
// (random) name is a secret, which place and state directory keep by being closed to others.
bool is_secret_place(const std::string &activation_directory);

// root: /run/shared-region/KEY, where /run is no tmpfs a tmpfs is mounted on /run/shared-region; where
// that is not allowed, /dev/shm/shared-region-0/KEY. Users: $XDG_RUNTIME_DIR/shared-region/KEY, else
// /dev/shm/shared-region-UID/KEY. KEY stands for the state directory's path.
// `wanted` (may be empty) names another parent directory, which must be in a tmpfs.
Outcome<ActivationPlace> make_activation_place(const std::string &state_path, const std::string &wanted);

// (Making one also removes what state directories left there that do not exist any more: a state directory
// may be deleted without `dyldctl clean`.)

// The name of an activation's directory.
std::string activation_name(const Uuid &uuid);

// The state directory that has an activation of this name in the same tmpfs; empty: none has.
std::string state_of_activation(const ActivationPlace &place, const std::string &name);

// Removes all activations of a state directory from the usual places, as far as they are the caller's, and
// those of state directories that do not exist any more.
void remove_activations(const std::string &state_path);

// Removes the place that an activation directory of this state lies in, with all activations there.
void remove_place_of(const std::string &activation_directory, const std::string &state_path);

// 16 hexadecimal digits that stand for a state directory's path below this process's root directory: a tmpfs
// may be shared with a chroot or container, where the same path is another directory.
std::string activation_key(const std::string &state_path);

} // namespace sharedregion
