// SPDX-License-Identifier: GPL-2.0-or-later
// What every file of a generation begins with: magic, version, UUID, sizes and a SHA-256 tree.
//
// The tree covers every byte of the file:
//   [0, body_offset)            header page(s): `header_hash`, taken with that field zero
//   [body_offset, tree_offset)  body: one SHA-256 leaf per block of `block_size` bytes (the last one short)
//   [tree_offset, file_size)    the leaves, in order: `tree_root` is their SHA-256
// The UUID is the first 16 bytes of tree_root, so equal content has an equal UUID (reproducible builds).
// Little-endian, fixed width, no pointers. docs/cache-format.md and docs/set-format.md tell the rest.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace sharedregion {

struct Uuid {
    uint8_t bytes[16];
    bool operator==(const Uuid &) const = default;
};

struct Sha256 {
    uint8_t bytes[32];
    bool operator==(const Sha256 &) const = default;
};

// A GNU build-id (NT_GNU_BUILD_ID); size 0: the object has none. 8 to 31 bytes are kept whole, longer
// ones are cut to 31; shorter ones count as none.
struct BuildId {
    uint8_t size;
    uint8_t bytes[31];
    bool operator==(const BuildId &) const = default;
};

// Which file a path meant at build time (stat(2)); times in ns since the epoch. ctime catches an
// overwrite in place that restores mtime.
struct FileIdentity {
    uint64_t dev;
    uint64_t ino;
    uint64_t size;
    int64_t mtime_ns;
    int64_t ctime_ns;
    bool operator==(const FileIdentity &) const = default;
};
static_assert(sizeof(FileIdentity) == 40);

// Bytes [offset, offset + size) of the file, or `size` records from `offset` (each use says which).
struct Extent {
    uint64_t offset;
    uint64_t size;
};

// A string in the file's string table: offset from the table's start; NUL-terminated there.
struct StringRef {
    uint32_t offset;
    uint32_t size; // without the NUL
};

// 2: ld.so is an image of the region; the region lies where ThreadSanitizer programs do not start.
// 3: the index of a region file tells sizes, and sets come before data.
// 4: sets that were captured with the shim preloaded.
// 5: Environment::cpu_hash.
// 6: CacheHeader::vdso_words.
inline constexpr uint32_t kFormatVersion = 6;
inline constexpr uint32_t kHashBlockSize = 65536;

struct FileHeader {
    char magic[8];        // kCacheMagic, kSetsMagic
    uint32_t version;     // kFormatVersion
    uint32_t header_size; // bytes of the whole header record that this one begins
    uint64_t file_size;   // bytes; a file of another size is refused
    uint64_t body_offset; // bytes [0, body_offset) are covered by header_hash
    uint64_t tree_offset; // leaves
    uint32_t block_size;  // kHashBlockSize
    uint32_t block_count; // leaves at tree_offset
    Uuid uuid;
    Sha256 tree_root;
    Sha256 header_hash;
};
static_assert(sizeof(FileHeader) == 128);

// What a generation was built for: sets hold only while all of this is the same. A start compares all but
// cpu_hash, since cpuid traps in virtual machines: activation does, and no activation outlives a boot.
// Sources: getauxval(3) (hwcap, hwcap2, minsigstksz, platform), xgetbv(0) (Intel SDM vol. 1, 13.3), cpuid,
// the build-id note of ld.so, FNV-1a over the vDSO's ELF header, program headers and notes.
struct Environment {
    uint64_t hwcap;
    uint64_t hwcap2;
    uint64_t minsigstksz; // AT_MINSIGSTKSZ, 0 where the kernel gives none
    uint64_t xcr0;
    uint64_t vdso_hash; // hash_vdso() (elf_view.h); 0: no vDSO
    uint64_t page_size;
    uint64_t cpu_hash;           // hash_cpu() (machine.h)
    char platform[16];           // AT_PLATFORM, NUL-padded
    BuildId loader_build_id;     // of the genuine ld.so
    FileIdentity loader;         // the genuine ld.so at loader_path
    FileIdentity loader_cache;   // /etc/ld.so.cache, all zero: there was none
    FileIdentity loader_preload; // /etc/ld.so.preload, all zero: there was none
};
static_assert(sizeof(Environment) == 72 + 32 + 3 * 40);

} // namespace sharedregion
