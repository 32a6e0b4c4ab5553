// SPDX-License-Identifier: GPL-2.0-or-later
// Chunk: the smallest unit of a cache file. Region: the chunks of one protection.
#pragma once

#include "sharedregion/cache_format.h"
#include "sharedregion/units.h"

#include <cstddef>
#include <sys/mman.h>
#include <vector>

namespace sharedregion {

enum class ChunkKind {
    Header,       // page 0: ELF header, program headers, CacheHeader
    Loader,       // second stage of ld-dyld.so
    ImageSegment, // a PT_LOAD of an image
    Heap,         // VA only: the loader heap
    Table,        // records or strings that no process maps
};

// Placed bytes. In the mapped part of a cache file, file_offset and vm_offset are the same number.
struct Chunk {
    ChunkKind kind = ChunkKind::Table;
    uint64_t alignment = kPageSize;
    FileOffset file_offset;
    FileSize file_size;
    VMOffset vm_offset;
    VMSize vm_size;                // 0: no process maps it
    std::vector<std::byte> buffer; // content; empty where the file's bytes are copied from an image
};

// Chunks that a process maps with one protection (0: not mapped). They need not be neighbours: images
// keep their internal layout, so text and data alternate.
struct Region {
    int protection = 0; // PROT_*
    std::vector<Chunk *> chunks;
};

} // namespace sharedregion
