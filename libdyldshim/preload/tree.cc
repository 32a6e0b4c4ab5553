// SPDX-License-Identifier: GPL-2.0-or-later
#include "libdyldshim/preload/tree.h"

#include "libdyldshim/shared/strings.h"
#include "sharedregion/state_names.h"

namespace sharedregion {
namespace {

bool ends_name(char c) {
    return c == 0 || c == ':' || c == ' ';
}

// Takes the state directory from LD_PRELOAD's value, which ld.so splits at colons and spaces. A set knows the
// shim alone.
void read_preload(const char *value, Tree *tree) {
    constexpr uint64_t kName = sizeof kShimName - 1;
    const char *name = value;
    for (uint64_t size = 0;; size++) {
        if (!ends_name(name[size]))
            continue;
        if (*name == '/' && size >= kName + 2 && name[size - kName - 1] == '/' &&
            equal_bytes(name + size - kName, kShimName, kName)) {
            tree->state = name;
            tree->state_size = size - kName - 1;
            tree->plain = tree->plain || name != value || name[size] != 0;
            return;
        }
        if (name[size] == 0)
            return;
        name += size + 1;
        size = ~0ULL; // 0 in the next round
    }
}

// Whether a variable that begins with "DYLD_" leaves the start prebuilt.
bool read_dyld_variable(const char *name, Tree *tree) {
    if (const char *value = after_prefix(name, "USE_CLOSURES=")) {
        tree->must = *value == '2';
        return *value != '0' && *value != '1';
    }
    if (const char *value = after_prefix(name, "SHARED_CACHE_DIR=")) {
        tree->region_dir = *value != 0 ? value : nullptr;
        return true;
    }
    if (const char *value = after_prefix(name, "SHARED_REGION="))
        return equal_strings(value, "use") || equal_strings(value, "private");
    return after_prefix(name, "PRINT_LOADERS=") != nullptr;
}

// Whether a variable leaves the start prebuilt.
bool read_variable(const char *variable, Tree *tree) {
    if (const char *preload = after_prefix(variable, "LD_PRELOAD=")) {
        const bool first = tree->state == nullptr;
        read_preload(preload, tree);
        return first;
    }
    if (const char *name = after_prefix(variable, "DYLD_"))
        return read_dyld_variable(name, tree);
    return !after_prefix(variable, "LD_") && !after_prefix(variable, "GLIBC_TUNABLES=") &&
           !after_prefix(variable, "MALLOC_");
}

} // namespace

bool read_tree(char *const *envp, Tree *tree) {
    *tree = {};
    for (; *envp != nullptr; envp++) {
        const char first = **envp;
        if ((first == 'L' || first == 'D' || first == 'G' || first == 'M') && !read_variable(*envp, tree))
            tree->plain = true;
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
