// SPDX-License-Identifier: GPL-2.0-or-later
// What the shim exports, and how it reaches libc's own functions behind those that it interposes.
#pragma once

#include <dlfcn.h>

// libdyldshim/preload/shim.map names what is exported; everything else is compiled as hidden.
#define SHIM_EXPORT [[gnu::visibility("default")]]

namespace sharedregion {

// libc's function behind an interposed one. Looked up at each call, since a start pays for whatever is
// remembered; dlsym(3) may take ld.so's lock, so this is only for functions that are not async-signal-safe
// anyway. Those that are go by another name of libc's (__open) or make the system call.
template <class Function> Function *next_function(const char *name) {
    return reinterpret_cast<Function *>(dlsym(RTLD_NEXT, name));
}

} // namespace sharedregion
