// SPDX-License-Identifier: GPL-2.0-or-later
#include "libdyldshim/preload/tree.h"

#include "libdyldshim/shared/strings.h"
#include "sharedregion/state_names.h"

namespace sharedregion {
namespace {

bool ends_name(char c) {
    return c == 0 || c == ':' || c == ' ';
}

// Takes the state directory from LD_PRELOAD's value, which ld.so splits at colons and spaces. False: there is
// not the shim alone, which is what sets know.
bool read_preload(const char *value, Tree *tree) {
    constexpr uint64_t kName = sizeof kShimName - 1;
    const char *name = value;
    for (uint64_t size = 0;; size++) {
        if (!ends_name(name[size]))
            continue;
        if (*name == '/' && size >= kName + 2 && name[size - kName - 1] == '/' &&
            equal_bytes(name + size - kName, kShimName, kName)) {
            tree->state = name;
            tree->state_size = size - kName - 1;
            return name == value && name[size] == 0;
        }
        if (name[size] == 0)
            return false;
        name += size + 1;
        size = ~0ULL; // 0 in the next round
    }
}

JitReason environment_unless(bool known) {
    return known ? JitReason::None : JitReason::EnvironmentSet;
}

// What a variable that begins with "DYLD_" says against a prebuilt start.
JitReason read_dyld_variable(const char *name, Tree *tree) {
    if (const char *value = after_prefix(name, "USE_CLOSURES=")) {
        tree->must = *value == '2';
        return *value == '0' ? JitReason::Disabled : environment_unless(*value != '1'); // no sets of users'
    }
    if (const char *value = after_prefix(name, "SHARED_CACHE_DIR=")) {
        tree->region_dir = *value != 0 ? value : nullptr;
        return JitReason::None;
    }
    if (const char *value = after_prefix(name, "SHARED_REGION="))
        return equal_strings(value, "avoid")
                   ? JitReason::Disabled
                   : environment_unless(equal_strings(value, "use") || equal_strings(value, "private"));
    return environment_unless(after_prefix(name, "PRINT_LOADERS=") != nullptr);
}

// What a variable says against a prebuilt start.
JitReason read_variable(const char *variable, Tree *tree) {
    if (const char *preload = after_prefix(variable, "LD_PRELOAD=")) {
        const bool first = tree->state == nullptr;
        return environment_unless(read_preload(preload, tree) && first);
    }
    if (const char *name = after_prefix(variable, "DYLD_"))
        return read_dyld_variable(name, tree);
    return environment_unless(!after_prefix(variable, "LD_") && !after_prefix(variable, "GLIBC_TUNABLES=") &&
                              !after_prefix(variable, "MALLOC_"));
}

} // namespace

bool read_tree(char *const *envp, Tree *tree) {
    *tree = {};
    for (; *envp != nullptr; envp++) {
        const char first = **envp;
        if (first != 'L' && first != 'D' && first != 'G' && first != 'M')
            continue;
        const JitReason reason = read_variable(*envp, tree);
        if (tree->reason == JitReason::None || reason == JitReason::Disabled)
            tree->reason = reason;
    }
    return tree->state != nullptr;
}

bool region_path(const Tree &tree, PathBuffer *out) {
    return tree.region_dir != nullptr
               ? join_path(tree.region_dir, length_of(tree.region_dir), kRegionName, out)
               : join_path(tree.state, tree.state_size, kRegionName, out);
}

bool join_path(const char *directory, uint64_t size, const char *name, PathBuffer *out) {
    uint64_t name_size = length_of(name);
    if (size + 1 + name_size + 1 > sizeof out->text)
        return false;
    __builtin_memcpy(out->text, directory, size);
    out->text[size] = '/';
    __builtin_memcpy(out->text + size + 1, name, name_size + 1);
    return true;
}

} // namespace sharedregion
