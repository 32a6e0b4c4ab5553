// SPDX-License-Identifier: GPL-2.0-or-later
#include "libdyldshim/preload/tree.h"

#include "libdyldshim/shared/strings.h"
#include "sharedregion/state_names.h"

namespace sharedregion {
namespace {

// Takes the state directory from LD_PRELOAD's value. ld.so splits the value at colons and spaces: one with
// several libraries is not ours.
bool read_preload(const char *value, Tree *tree) {
    uint64_t size = 0;
    for (; value[size] != 0; size++)
        if (value[size] == ':' || value[size] == ' ')
            return false;
    constexpr uint64_t kName = sizeof kShimName - 1;
    if (*value != '/' || size < kName + 2 || value[size - kName - 1] != '/' ||
        !equal_strings(value + size - kName, kShimName))
        return false;
    tree->state = value;
    tree->state_size = size - kName - 1;
    return true;
}

// Whether a variable that begins with "DYLD_" leaves the start prebuilt.
bool read_dyld_variable(const char *name, Tree *tree) {
    if (const char *value = after_prefix(name, "USE_CLOSURES="))
        return *value != '0' && *value != '1';
    if (const char *value = after_prefix(name, "SHARED_CACHE_DIR=")) {
        tree->region_dir = *value != 0 ? value : nullptr;
        return true;
    }
    if (const char *value = after_prefix(name, "SHARED_REGION="))
        return equal_strings(value, "use") || equal_strings(value, "private");
    return after_prefix(name, "PRINT_LOADERS=") != nullptr;
}

} // namespace

bool read_tree(char *const *envp, Tree *tree) {
    *tree = {};
    for (; *envp != nullptr; envp++) {
        const char *variable = *envp;
        if (*variable != 'L' && *variable != 'D' && *variable != 'G' && *variable != 'M')
            continue;
        const char *preload = after_prefix(variable, "LD_PRELOAD=");
        if (preload != nullptr) {
            if (tree->state != nullptr || !read_preload(preload, tree))
                return false;
        } else if (const char *name = after_prefix(variable, "DYLD_")) {
            if (!read_dyld_variable(name, tree))
                return false;
        } else if (after_prefix(variable, "LD_") || after_prefix(variable, "GLIBC_TUNABLES=") ||
                   after_prefix(variable, "MALLOC_")) {
            return false;
        }
    }
    return tree->state != nullptr;
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
