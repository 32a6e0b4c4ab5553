// SPDX-License-Identifier: GPL-2.0-or-later
// From captures to the bytes of `sets` (set_format.h).
#pragma once

#include "builder/capture/capture.h"

#include <memory>

namespace sharedregion {

// Data maps of one cached image: what a process overlays (from CacheSegmentRecord).
struct ImageDataMaps {
    std::string path;
    FileIdentity identity;
    std::vector<SetDataMap> maps;
    VMOffset end; // of the image's extent; the furthest one a program needs gives SetHeader.text_size
};

// Everything of the cache that a set refers to; indices as in CacheImageRecord.
struct CacheLayout {
    std::vector<ImageDataMaps> images;
    VMOffset heap_offset;
    VMOffset loader_end;          // of the second stage of ld-dyld.so: always mapped too
    uint32_t loader = UINT32_MAX; // which of the images is ld.so
};

// One program's set as bytes: pages equal to `base` are left out, runs of pages become Map or Copy
// operations. `base` may be newer than at capture (after captured IRELATIVE words were adopted).
std::vector<std::byte> build_set_blob(const ProgramCapture &capture, const CacheLayout &layout,
                                      const BaseContent &base);

struct ProgramOutcome {
    std::string path;
    FileIdentity identity;
    uint64_t key = 0;
    std::vector<std::byte> blob; // empty: rejected
    Rejection rejection;
    bool with_shim = false;
};

// Writes `sets` into `path` (temporary file, fsync, rename). `outcomes` need not be sorted. `preload`: the
// shim that all of them were captured with; empty: none.
Done write_sets_file(const std::string &path, const Uuid &cache_uuid, const Environment &environment,
                     const std::string &loader_path, std::vector<ProgramOutcome> outcomes,
                     const std::string &preload = "");

} // namespace sharedregion
