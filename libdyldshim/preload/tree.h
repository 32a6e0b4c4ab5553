// SPDX-License-Identifier: GPL-2.0-or-later
// The tree of processes that the shim serves: what a child's environment says about it.
#pragma once

#include "sharedregion/jit_reason.h"

#include <stdint.h>

namespace sharedregion {

// Longest state directory that is handled, for paths on small stacks; a longer one means that nothing is
// accelerated.
inline constexpr uint64_t kMaxState = 480;

// What the child's environment asks for, by pointers into it.
struct Tree {
    const char *state;      // directory of the shim that the child will have; not NUL-terminated
    uint64_t state_size;    // bytes of it
    const char *region_dir; // DYLD_SHARED_CACHE_DIR; nullptr: `state`
    JitReason reason; // other than None: the child cannot start prebuilt, for another library in LD_PRELOAD
                      // or a variable that ld-dyld.so gives way to (libdyldshim/stage1/policy.cc)
    bool must;        // DYLD_USE_CLOSURES=2: prebuilt, or not at all
};

// Whether a child with this environment is in a tree: LD_PRELOAD names a shim. Without (`env -i`) it is not.
bool read_tree(char *const *envp, Tree *tree);

// DIRECTORY/NAME, NUL-terminated, into `out`.
struct PathBuffer {
    char text[kMaxState + 32];
};
bool join_path(const char *directory, uint64_t size, const char *name, PathBuffer *out);

// The activated region's file.
bool region_path(const Tree &tree, PathBuffer *out);

} // namespace sharedregion
