// SPDX-License-Identifier: GPL-2.0-or-later
// What the first stage hands to the second, and how the second answers.
//
// The first stage lies in ld-dyld.so, the second in the shared cache: they may come from different
// builds, so the request says its version and the second stage refuses another one.
#pragma once

#include "libdyldshim/config.h"
#include "sharedregion/jit_reason.h"
#include "sharedregion/region_format.h"

namespace sharedregion {

inline constexpr uint32_t kLaunchVersion = 5;

// What DYLD_PRINT_LOADERS asks for.
enum class Report : uint32_t {
    Quiet = 0,
    Line = 1, // one line to stderr
    Only = 2, // the line, then exit without running the program
};

struct DirectLaunch; // tail/kernel_view.h

struct LaunchRequest {
    uint32_t version = kLaunchVersion;
    Report report = Report::Quiet;
    uint64_t *stack = nullptr;             // as the kernel gave it
    const LoaderConfig *config = nullptr;  // in ld-dyld.so
    uint64_t loader_base = 0;              // load bias of ld-dyld.so
    uint64_t program_bias = 0;             // load bias of the executable
    const RegionHeader *region = nullptr;  // the first kRegionWindow bytes of the region file, read-only
    uint64_t set_offset = 0;               // of the set in that file, or in that of set_fd
    uint64_t set_size = 0;                 // of the set
    uint64_t text_size = 0;                // of the cache's text that the set needs
    const WritablePiece *pieces = nullptr; // what the set needs writable of a region in the kernel
    uint32_t piece_count = 0;              // 0: only a private mapping of the cache will do
    bool private_region = false;           // DYLD_SHARED_REGION=private
    bool in_kernel = false; // text and data are there: nothing but what own_begin and own_end say is missing
    uint64_t set_mapping = 0;      // where the second stage mapped a set that lies behind the window;
    uint64_t set_mapping_size = 0; // the tail takes it away, since `detail` may lie there. Of a user's
                                   // set: the whole file of set_fd
    // Of a user's set: what the file was when it was mapped (set_fd >= 0).
    const FileIdentity *set_identity = nullptr;
    int region_fd = -1;
    int cache_fd = -1;   // -1: in the kernel
    int set_fd = -1;     // a user's own set (user_set.h); -1: the set is in the region file
    int program_fd = -1; // of the executable, where it was not the kernel that mapped it; else -1
    // Called by the second stage when nothing can fail any more; nullptr: nothing to do.
    void (*committed)(const DirectLaunch &launch) = nullptr;
    const DirectLaunch *direct = nullptr; // what it gets
    bool own_first = false;  // out: the user's own set comes first, but the text is the kernel's: not done
    bool no_own_set = false; // own sets are not for this start, or the one there is does not hold
    const char *detail = nullptr; // out: what the reason is about: a string in the region file; nullptr: none
};

// Entry of the second stage, at region base + RegionHeader.loader_entry. Returns only when the program
// cannot start prebuilt: then nothing but mappings inside the region's range was made, and all
// descriptors are open still.
using SecondStage = JitReason (*)(LaunchRequest *request);

} // namespace sharedregion
