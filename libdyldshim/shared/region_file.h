// SPDX-License-Identifier: GPL-2.0-or-later
// The activated region file: opened, its front mapped, its header checked, a set found.
#pragma once

#include "libdyldshim/shared/launch.h"
#include "libdyldshim/shared/start_args.h"

namespace sharedregion {

// Opens it and maps its first kRegionWindow bytes: region and region_fd of the request. With a state
// directory from the environment, directory and file must belong to root or the caller and be writable by
// nobody else; a baked one is as trusted as ld-dyld.so itself. Activation has checked the hashes of all
// content and renames complete files into place, so only the header is looked at here. On failure, too,
// the request tells what is open and mapped; the tail takes it away.
JitReason open_region_file(const StartArgs &args, const char *state, LaunchRequest *request);

// Looks for a set under `key` from probe number *probe on, which is left behind it: set_offset, set_size and
// text_size of the request. False: no further one. (Programs without a build-id may share a key.)
bool find_set(uint64_t key, uint64_t *probe, LaunchRequest *request);

} // namespace sharedregion
