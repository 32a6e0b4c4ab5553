// SPDX-License-Identifier: GPL-2.0-or-later
// The activated region file `region`: what ld-dyld.so opens at every start.
//
// Written by activation (daemon/activation) into tmpfs from a verified generation, with one slide for
// all of it: header, strings, index, pieces, sets (slid), data area (slid, compact). It is
// read-only, gone after a reboot, and names the shared_cache that gives the text.
// Layout: all Extents page-aligned except index and strings. docs/cache-format.md.
#pragma once

#include "sharedregion/file_header.h"
#include "sharedregion/view.h"

namespace sharedregion {

inline constexpr char kRegionMagic[8] = {'S', 'H', 'R', 'G', 'R', 'E', 'G', 'N'};

struct RegionHeader {
    char magic[8];        // kRegionMagic
    uint32_t version;     // kFormatVersion
    uint32_t header_size; // sizeof(RegionHeader)
    uint64_t file_size;
    Uuid uuid;            // random, of this activation, and of its region in the kernel
    Uuid cache_uuid;      // of the shared_cache
    uint64_t base;        // absolute: VMAddress of region offset 0, a multiple of 2 MiB
    uint64_t mapped_size; // from CacheHeader
    uint64_t heap_offset;
    uint64_t heap_size;
    uint64_t region_size;
    uint64_t loader_entry; // region offset of the second stage
    uint64_t data_offset;  // file offset of the data area
    uint64_t data_size;
    Extent index;         // count of RegionIndexSlot, a power of two; open addressing, linear probing
    Extent sets;          // bytes: blobs
    Extent strings;       // bytes
    Extent pieces;        // count of WritablePiece: those of all sets
    uint32_t flags;       // kRegion...
    uint32_t loader_size; // bytes of the second stage
    uint64_t own_begin;   // region offsets that each process maps itself: ld.so's data and the loader heap,
    uint64_t own_end;     // whole slots of 2 MiB
    StringRef cache_path; // absolute path of shared_cache
    StringRef shim_path;  // LD_PRELOAD of the sets with the shim; empty: there are none
    FileIdentity cache;   // of the shared_cache that was verified: catches one rewritten in place
    Environment environment;
};
static_assert(sizeof(RegionHeader) % 8 == 0 && sizeof(RegionHeader) <= 4096);

// RegionHeader.flags: /dev/shared_region has a region with this UUID and base (as far as activation knows).
inline constexpr uint32_t kRegionInKernel = 1;
// The running kernel has the vDSO of the environment. It stays so for as long as the region file, which lies
// on a tmpfs.
inline constexpr uint32_t kRegionVdsoChecked = 2;

// What a process that uses the kernel's region has to be given writable: as struct shared_region_request.
struct WritablePiece {
    uint32_t page; // region offset / 4096
    uint32_t count;
};

// Finds a set by its key (SetHeader.key), and one with the shim also by file_key() of its program; start at
// slot key & (size - 1). key 0: free.
struct RegionIndexSlot {
    uint64_t key;
    uint64_t blob_offset; // file offset of the blob, page-aligned
    uint64_t blob_size;   // SetHeader.size
    uint64_t text_size;   // bytes of the cache to map for it
    uint64_t pieces;      // file offset of its pieces, in rising order
    uint64_t piece_count; // 0: not for the kernel's region
};

// What the shim looks a program up by: it knows the file that stat(2) describes and nothing of its content.
inline uint64_t file_key(const FileIdentity &file) {
    // Files differ in dev and ino; the others are compared anyway. The constant is 2^64 / golden ratio.
    uint64_t key = (file.ino ^ file.dev << 40) * 0x9e37'79b9'7f4a'7c15;
    key ^= key >> 32;
    return key != 0 ? key : 1;
}

// What a start maps before it knows anything about the file (a mapping may be longer than its file): header,
// index and the smaller sets lie here, a set behind it takes a mapping of its own. It counts against
// RLIMIT_AS, so not more than it is good for; 16 MiB hold the sets of some 300 programs that need little more
// than libc.
inline constexpr uint64_t kRegionWindow = 16 << 20;

} // namespace sharedregion
