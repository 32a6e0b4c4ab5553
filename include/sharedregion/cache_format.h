// SPDX-License-Identifier: GPL-2.0-or-later
// The shared cache file `shared_cache` of a generation.
//
// The file is an ELF (ET_DYN) whose file offset, VA in the ELF, and offset from the region's base
// are one and the same number: byte x of the file is mapped at base + x, for x < mapped_size. Page 0
// holds the ELF header, program headers and, at kCacheHeaderOffset, a CacheHeader. Then come the
// images, each at one base with its own internal layout (text, relro, data, bss), the second stage
// of ld-dyld.so, and, from mapped_size on, what no process maps: tables, symbol table, section headers.
//
// Words of data that hold a region address hold base-relative offsets here (as if the base were 0);
// `slide` lists them. Activation (daemon/activation) adds the base. A word that refers to ld.so
// (GLOB_DAT of _rtld_global and the like) holds the offset inside ld.so; it is set per process.
#pragma once

#include "sharedregion/file_header.h"
#include "sharedregion/view.h"

namespace sharedregion {

inline constexpr char kCacheMagic[8] = {'S', 'H', 'R', 'G', 'C', 'A', 'C', 'H'};
inline constexpr uint64_t kCacheHeaderOffset = 0x200;

// Stubs in page 0 by which all processes reach their own vDSO: builder/sets/vdso_stubs.h. 16 are more than a
// vDSO has functions.
inline constexpr uint64_t kVdsoStubs = 16;
inline constexpr uint64_t kVdsoStubSize = 16;
constexpr uint64_t vdso_stub_offset(uint64_t i) { // region offset of its code
    return 4096 - (kVdsoStubs - i) * kVdsoStubSize;
}

struct CacheHeader {
    FileHeader file;
    uint64_t mapped_size;  // bytes [0, mapped_size) are the region's file-backed part
    uint64_t heap_offset;  // region offset of the loader heap: what ld.so allocates before constructors
    uint64_t heap_size;    // bytes of VA reserved there
    uint64_t region_size;  // bytes of VA in all, a multiple of 4096
    uint64_t loader_entry; // region offset of the second stage's entry, 0: none
    uint64_t loader_size;  // bytes
    uint64_t data_size;    // bytes of the compact data area that activation writes (sum of data maps)
    Extent images;         // count of CacheImageRecord
    Extent segments;       // count of CacheSegmentRecord
    Extent strings;        // bytes
    Extent exports;        // count of CacheExportRecord, sorted by (gnu_hash, name, image)
    Extent slide;          // count of u64: RELR-encoded (relr.h) region offsets of words to slide
    Extent sub_caches;     // count of further sub-caches; 0 in version 1
    Extent patch_table;    // 0 in version 1
    Extent signature;      // 0 in version 1
    uint64_t
        vdso_words[kVdsoStubs]; // region offset of the word of ld.so's data that stub i jumps by; 0: no stub
};

// One DSO of the cache. Records are ordered by base.
struct CacheImageRecord {
    StringRef path;   // canonical path that was read (realpath)
    StringRef soname; // DT_SONAME, or the file name
    FileIdentity identity;
    BuildId build_id;
    uint64_t base; // region offset that ELF VA 0 of the image maps to
    uint64_t size; // bytes of VA, page-aligned
    uint32_t first_segment;
    uint32_t segment_count;
    uint64_t reserved;
};

enum class SegmentKind : uint32_t { Text = 0, ReadOnly = 1, Data = 2 };

// One PT_LOAD of an image. Data segments are what a process overlays privately: their page-aligned
// extent [data_begin, data_begin + data_span) is stored compactly at `data_offset` of the data area
// of an activated region file; its first relro_size bytes become read-only after fixups.
struct CacheSegmentRecord {
    uint64_t offset;      // region offset (as p_vaddr + base)
    uint64_t file_size;   // p_filesz
    uint64_t mem_size;    // p_memsz
    uint32_t kind;        // SegmentKind
    uint32_t flags;       // PF_R | PF_W | PF_X
    uint64_t data_begin;  // Data: region offset, page-aligned; else 0
    uint64_t data_span;   // Data: bytes in file and data area, page-aligned; else 0
    uint64_t anon_span;   // Data: further bytes after data_span that are mapped anonymous (large bss)
    uint64_t relro_size;  // Data: bytes from data_begin, page-aligned
    uint64_t data_offset; // Data: offset in the data area, page-aligned
};

// One defined dynamic symbol of an image; value is a region offset (TLS: offset in the TLS block).
struct CacheExportRecord {
    uint32_t gnu_hash; // of name (System V gABI supplement: DT_GNU_HASH's function)
    uint32_t image;    // index of CacheImageRecord
    StringRef name;
    StringRef version; // empty: none
    uint64_t value;
    uint64_t size;
    uint8_t type; // STT_*
    uint8_t bind; // STB_*
    uint8_t visibility;
    uint8_t hidden_version; // 1: not the default version
    uint32_t reserved;
};

static_assert(sizeof(CacheHeader) % 8 == 0);
static_assert(kCacheHeaderOffset + sizeof(CacheHeader) <= vdso_stub_offset(0));
static_assert(sizeof(CacheImageRecord) % 8 == 0 && sizeof(CacheSegmentRecord) % 8 == 0);
static_assert(sizeof(CacheExportRecord) == 48);

} // namespace sharedregion
