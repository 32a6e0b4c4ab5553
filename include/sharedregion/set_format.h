// SPDX-License-Identifier: GPL-2.0-or-later
// PrebuiltLoaderSets: the file `sets` of a generation, and the set blob that it and an activated
// region file (region_format.h) hold once per program.
//
// A generation may have a second such file, `shim-sets`: sets of the same programs with the shim preloaded.
//
// `sets` = SetsHeader page, then from body_offset on: programs, strings, blobs (each page-aligned).
// A blob = SetHeader, its tables and strings (metadata_size bytes, padded to a page), then pages.
// All offsets in a blob count from the blob's start, so that a blob can be copied as it is.
//
// Spaces and classes: DESIGN.md section 3 ("Classes of a word"), docs/set-format.md.
#pragma once

#include "sharedregion/file_header.h"
#include "sharedregion/view.h"

namespace sharedregion {

inline constexpr char kSetsMagic[8] = {'S', 'H', 'R', 'G', 'S', 'E', 'T', 'S'};
inline constexpr uint32_t kSetMagic = 0x54455353; // "SSET"

struct SetsHeader {
    FileHeader file;
    Uuid cache_uuid; // the shared_cache that the sets were captured against
    Environment environment;
    StringRef loader_path; // PT_INTERP path of the genuine ld.so, in `strings`
    StringRef preload;     // LD_PRELOAD of all captures: the shim's path; empty: none
    Extent programs;       // count of SetProgramRecord, sorted by path
    Extent strings;        // bytes
};
static_assert(sizeof(SetsHeader) % 8 == 0 && sizeof(SetsHeader) <= 4096);

// One program that the build was asked for, captured or rejected.
struct SetProgramRecord {
    StringRef path; // canonical path
    FileIdentity identity;
    uint64_t key;         // program_key() (elf_view.h); 0 where rejected before it was known
    uint64_t blob_offset; // file offset, page-aligned; 0: rejected
    uint64_t blob_size;
    StringRef reason; // rejected: one stable word (builder/capture/reject_reason.h); else empty
    StringRef detail; // rejected: what a person wants to know (symbol, system call, word)
};
static_assert(sizeof(SetProgramRecord) == 88);

// What an offset of the set is relative to.
enum class Space : uint32_t {
    Region = 0,  // region base
    Program = 1, // load bias of the executable (0 for a non-PIE)
};
inline constexpr uint32_t kSpaceCount = 2;

// What a word is relative to. A fixup adds the class's value in this process to what the page holds.
enum class FixupClass : uint32_t {
    Region = 0,         // region base; done at activation, never in FixupList
    Program = 1,        // load bias of the executable
    Loader = 2,         // AT_BASE: load bias of ld-dyld.so (ld.so itself is an image of the region)
    StackPointer = 3,   // address of argc on the initial stack (argv = + 8)
    Environ = 4,        // address of envp[0]
    Auxv = 5,           // address of auxv[0]
    Random = 6,         // AT_RANDOM
    Platform = 7,       // AT_PLATFORM
    ExecFn = 8,         // AT_EXECFN
    Vdso = 9,           // AT_SYSINFO_EHDR
    Canary = 10,        // first 8 bytes at AT_RANDOM, low byte cleared
    PointerGuard = 11,  // second 8 bytes at AT_RANDOM
    ProgramBreak = 12,  // brk(0)
    StackLimit = 13,    // page-rounded soft RLIMIT_STACK, 2 MiB if unlimited (libc's default pthread stack)
    ThreadId = 14,      // gettid(), 32 bits wide
    ArgumentCount = 15, // argc, 32 bits wide
};
inline constexpr uint32_t kFixupClassCount = 16;

// `count` records of a type that the field's comment names, at `offset` from the blob's start.
struct Table {
    uint32_t offset;
    uint32_t count;
};

// A file that the program depends on: must still be that file.
struct SetDependency {
    FileIdentity identity;
    uint32_t path;  // offset of a string in the blob: the path by which ld.so found it, links and all
    uint32_t image; // index of CacheImageRecord
};
static_assert(sizeof(SetDependency) == 48);

// Private data of an image: map `size` bytes of the region file's data area at the region offset.
struct SetDataMap {
    uint64_t offset;      // region offset
    uint64_t size;        // bytes from the data area
    uint64_t anon_size;   // bytes of zero pages behind them
    uint64_t data_offset; // offset in the data area; kMappedByPages: page operations map all of it
};
inline constexpr uint64_t kMappedByPages = ~0ULL;

enum class PageOpKind : uint32_t {
    Copy = 0, // copy the pages over what is mapped there (which is writable)
    Map = 1,  // map them there, private and writable (space Region only)
};

// Pages that differ from what is mapped at a place.
struct SetPageOp {
    uint32_t space;       // Space
    uint32_t kind;        // PageOpKind
    uint64_t offset;      // page-aligned, relative to the space
    uint64_t size;        // bytes, multiple of 4096
    uint64_t blob_offset; // page-aligned, from the blob's start
};

// Words to which the value of one class is added: RELR-encoded (relr.h) offsets of 8-byte words
// relative to the space; 32-bit classes: plain u64 offsets, one per word, 4-byte aligned; the 32-bit
// value is stored, not added.
struct SetFixupList {
    uint32_t space;       // Space of the places
    uint32_t fixup_class; // FixupClass of the values
    Table words;          // u64
};

// mprotect(2) that ld.so did after relocation (relro): becomes PROT_READ.
struct SetProtect {
    uint32_t space;
    uint32_t protection; // PROT_* bits
    uint64_t offset;
    uint64_t size;
};

inline constexpr uint32_t kSetHasBuildId = 1;           // the executable has one: `key` is made of it
inline constexpr uint32_t kSetPathDependent = 2;        // $ORIGIN is in use: /proc/self/exe must be the path
inline constexpr uint32_t kSetWithShim = 4;             // captured with the shim preloaded
inline constexpr uint32_t kOrderRegionAboveProgram = 1; // address order as captured (_dl_find_object)
inline constexpr uint32_t kOrderVdsoAboveRegion = 2;

struct SetHeader {
    uint32_t magic;         // kSetMagic
    uint32_t version;       // kFormatVersion
    uint64_t size;          // bytes of the blob, a multiple of 4096
    uint64_t metadata_size; // bytes of header, tables and strings
    uint64_t key;           // program_key(), with kSetWithShim: shim_key() of that
    uint64_t phdr_hash;     // hash_program_headers() (elf_view.h)
    BuildId build_id;
    FileIdentity identity; // of the executable at build time
    uint32_t path;         // string: canonical path of the executable
    uint32_t flags;        // kSetHasBuildId, kSetPathDependent, kSetWithShim
    uint32_t order;        // kOrder*: as captured, both compared
    uint32_t rseq_signature;
    Table dependencies;   // SetDependency
    Table absent;         // u32 string offsets: paths that must not exist (a file there would be found first)
    Table data_maps;      // SetDataMap
    Table page_ops;       // SetPageOp
    Table fixups;         // SetFixupList
    Table protects;       // SetProtect
    Table slide;          // u64: RELR-encoded blob offsets of words in the pages that activation slides
    uint64_t text_size;   // bytes [0, text_size) of the cache hold all images that the program needs and the
                          // second stage; page-aligned; 0: map all of mapped_size
    uint64_t heap_size;   // bytes of the loader heap in use (its content comes by page_ops)
    uint64_t fs_base;     // region offset: arch_prctl(ARCH_SET_FS)
    uint64_t tid_address; // region offset: set_tid_address
    uint64_t robust_list; // region offset: set_robust_list
    uint64_t robust_list_size;
    uint64_t rseq; // region offset, 0: ld.so did not register it
    uint64_t rseq_size;
    uint64_t resume;      // region offset at which genuine code goes on (return of _dl_start)
    uint64_t debug_state; // offset of _dl_debug_state in ld.so and so in ld-dyld.so too; 0: none
};
static_assert(sizeof(SetHeader) % 8 == 0);

} // namespace sharedregion
