// SPDX-License-Identifier: GPL-2.0-or-later
// What the shim exports, and how it reaches libc's own functions behind those that it interposes.
#pragma once

// libdyldshim/preload/shim.map names what is exported; everything else is compiled as hidden.
#define SHIM_EXPORT [[gnu::visibility("default")]]

namespace sharedregion {

// The function of this name in the first object behind the shim, in the order that ld.so loaded them: another
// interposer's or libc's. Takes no lock and leaves dlerror(3) alone. Looked up at each call, since a start
// pays for whatever is remembered; for what libc has no other name (__open) for and that is no mere system
// call.
void *find_next_function(const char *name);

template <class Function> Function *next_function(const char *name) {
    return reinterpret_cast<Function *>(find_next_function(name));
}

} // namespace sharedregion
