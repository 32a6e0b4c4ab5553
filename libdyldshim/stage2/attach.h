// SPDX-License-Identifier: GPL-2.0-or-later
// The private, writable mappings of a prebuilt start: data of the images and the loader heap.
#pragma once

#include "libdyldshim/stage2/start.h"

namespace sharedregion {

// Maps everything inside the region's range; nothing outside of it is touched, so that unmapping the
// range undoes all. False: a limit of the process (RLIMIT_AS, count of mappings).
bool attach_data(const Start &start);

// Writes pages over what is mapped already (data, executable). Cannot fail.
void copy_pages(const Start &start);

// mprotect(2) of all relro. False: not possible, and too late for a plain start.
bool protect_pages(const Start &start);

} // namespace sharedregion
