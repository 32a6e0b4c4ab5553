// SPDX-License-Identifier: GPL-2.0-or-later
// Why a program is started by plain ld.so: the stable words of `jit REASON`.
//
// Scripts may depend on them: a word is never renamed or used for something else. docs/startup.md
// tells each one to people.
#pragma once

#include <stdint.h>

namespace sharedregion {

// clang-format off
#define SHAREDREGION_JIT_REASONS(X)                                                                          \
    X(None,            "none",             "the program is prebuilt")                                        \
    X(Disabled,        "disabled",         "DYLD_USE_CLOSURES=0 or DYLD_SHARED_REGION=avoid")                \
    X(Secure,          "secure",           "AT_SECURE: set-user-ID, set-group-ID or file capabilities")      \
    X(EnvironmentSet,  "environment",      "an LD_*, GLIBC_TUNABLES, MALLOC_* or DYLD_* variable that changes loading is set") \
    X(Direct,          "direct",           "ld-dyld.so was started as a command")                           \
    X(NoCache,         "no-cache",         "no activated region (never built, or not activated since boot)") \
    X(Untrusted,       "untrusted",        "the state directory or region is not owned by root or the caller, or is writable by others") \
    X(Format,          "format",           "the region file is of another version or damaged")              \
    X(NoSet,           "no-set",           "no set for this program")                                        \
    X(ProgramChanged,  "program-changed",  "the executable is not the one captured")                         \
    X(CpuChanged,      "cpu-changed",      "the CPU features differ from those of the build")                \
    X(KernelChanged,   "kernel-changed",   "the vDSO differs from that of the build")                        \
    X(LoaderChanged,   "loader-changed",   "ld.so was replaced or rewritten after the build")                \
    X(PreloadFile,     "preload-file",     "/etc/ld.so.preload appeared, went or changed")                   \
    X(LoaderCache,     "ld-cache-changed", "/etc/ld.so.cache changed")                                       \
    X(LibraryChanged,  "library-changed",  "a library was replaced, rewritten or deleted")                   \
    X(LibraryShadowed, "library-shadowed", "a new file would be found before a library of the set")          \
    X(AddressOrder,    "address-order",    "program, region, ld.so and vDSO are not in the captured order")  \
    X(AddressSpace,    "address-space",    "the region could not be mapped (occupied or a limit)")           \
    X(CacheFile,       "cache-file",       "shared_cache is missing or not the one of the region")          \
    X(Building,        "building",         "DYLD_USE_CLOSURES=1: a set is built meanwhile, if there is none")
// clang-format on

enum class JitReason : uint32_t {
#define SHAREDREGION_X(name, word, text) name,
    SHAREDREGION_JIT_REASONS(SHAREDREGION_X)
#undef SHAREDREGION_X
};

} // namespace sharedregion
