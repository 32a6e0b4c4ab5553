// SPDX-License-Identifier: GPL-2.0-or-later
// The tree of processes that the shim serves: what a child's environment says about it.
#pragma once

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
};

// Whether a child with this environment can start prebuilt at all: LD_PRELOAD names a shim and nothing
// else, and no other variable is set that ld-dyld.so gives way to (libdyldshim/stage1/policy.cc). Without
// LD_PRELOAD (`env -i`) the child is outside of the tree.
bool read_tree(char *const *envp, Tree *tree);

// DIRECTORY/NAME, NUL-terminated, into `out`.
struct PathBuffer {
    char text[kMaxState + 32];
};
bool join_path(const char *directory, uint64_t size, const char *name, PathBuffer *out);

} // namespace sharedregion
