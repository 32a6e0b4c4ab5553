// SPDX-License-Identifier: GPL-2.0-or-later
// The activated region file: opened, mapped whole, its header checked, a set found in it.
#pragma once

#include "libdyldshim/stage1/policy.h"

namespace sharedregion {

// Opens and maps it into region, region_mapped and region_fd of the request. With a state directory from
// the environment, directory and file must belong to root or the caller and be writable by nobody
// else; a baked one is as trusted as ld-dyld.so itself. Activation has checked the hashes of all content
// and renames complete files into place, so only the header is looked at here.
// On failure, too, close_region_file() has to follow.
JitReason open_region_file(const StartArgs &args, const char *state, LaunchRequest *request);
void close_region_file(const LaunchRequest &request);

// The first set under `key` from probe number *probe on, which is left behind it; nullptr: no further
// one. (Programs without a build-id may share a key.)
const SetHeader *find_set(const RegionHeader *region, uint64_t key, uint64_t *probe);

} // namespace sharedregion
