// SPDX-License-Identifier: GPL-2.0-or-later
// Capture of one program: what the genuine ld.so computes before the first constructor.
//
// The program runs several times under ptrace, steered so that every library lies at its planned
// region offset (DESIGN.md section 3); two runs classify every written word, a third must be predicted
// byte for byte, a lazy one finds _dl_lazy. The result holds offsets only, no absolute address.
// Not here: the layout (builder/phases), the set's bytes (builder/sets).
#pragma once

#include "sharedregion/failure.h"
#include "sharedregion/set_format.h"
#include "sharedregion/units.h"

#include <array>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace sharedregion {

// Where a library has to lie: the frozen layout of the cache, as far as capture needs it.
struct PlannedImage {
    std::string path; // canonical
    FileIdentity identity;
    VMOffset base;
    VMSize size;
    uint32_t index; // of CacheImageRecord
};

struct SteeringPlan {
    std::vector<PlannedImage> images;
    size_t loader = 0; // which of them is ld.so
    VMOffset heap_offset;
    VMSize heap_size;
    VMSize region_size;
};

// One bit per 8-byte word of a page.
using SlideBits = std::array<uint64_t, kPageSize / 8 / 64>;

// The cache's base content of data pages as the binder made it: bytes that a process sees there
// before fixups, with region words as offsets. Thread-safe for reading.
class BaseContent {
  public:
    virtual ~BaseContent() = default;
    // The 4096 bytes at a page-aligned region offset inside a data segment's extent (file part or
    // bss); nullptr where no image has writable data (taken for zero pages). As ld.so maps them: behind
    // p_filesz the last page is zero where there is a bss, else it holds what follows in the file.
    virtual const std::byte *page(VMOffset offset) const = 0;
    // Whether that page's word at `offset` is slid at activation (its content is a region offset).
    virtual bool slides(VMOffset offset) const = 0;
    // slides() for a whole page: bit i is the word at offset + 8 * i. Asked for each data page of each
    // program, so worth a faster answer than this one.
    virtual SlideBits slide_bits(VMOffset offset) const {
        SlideBits bits = {};
        for (uint64_t word = 0; word < kPageSize / 8; word++)
            if (slides(VMOffset(offset.raw() + word * 8)))
                bits[word / 64] |= 1ULL << word % 64;
        return bits;
    }
};

struct CaptureRequest {
    std::string program;     // canonical path
    std::string loader_path; // its PT_INTERP
    unsigned timeout_ms = 10000;
    std::string preload = {}; // LD_PRELOAD: the shim; empty: none
};

// One page that differs from what would be mapped there: from the base content (Space::Region), from
// the file as the kernel maps it (Program), or from zero (loader heap).
struct CapturedPage {
    Space space;
    uint64_t offset;                // page-aligned, relative to the space
    std::vector<std::byte> content; // 4096 bytes; a word of a class holds its addend
    std::vector<uint16_t> slide;    // byte offsets in the page of words of class Region
};

// Offsets (sorted) of the words of one class in one space; not class Region.
using FixupWords = std::map<std::pair<Space, FixupClass>, std::vector<uint64_t>>;

struct ProgramCapture {
    std::string path;
    FileIdentity identity;
    BuildId build_id;
    uint64_t phdr_hash = 0;
    bool path_dependent = false;
    bool with_shim = false;
    uint32_t order = 0;              // kOrder*
    std::vector<uint32_t> images;    // CacheImageRecord indices in link-map order; ld.so last
    std::vector<std::string> opened; // by which path ld.so found each but itself: a link may change its file
    std::vector<std::string> absent; // paths that ld.so looked for first and did not find
    std::vector<CapturedPage> pages; // sorted by (space, offset)
    FixupWords fixups;
    std::vector<SetProtect> protects;
    VMSize heap_used;
    VMOffset fs_base, tid_address, robust_list, rseq;
    uint64_t robust_list_size = 0, rseq_size = 0;
    uint32_t rseq_signature = 0;
    VMOffset resume;
    uint64_t debug_state = 0; // offset in ld.so
};

// Why a program has no set: `reason` is one of the stable words of reject_reason.h.
struct Rejection {
    std::string reason;
    std::string detail;
};

// Captures and verifies. A Rejection is an ordinary outcome, not a failure of the build.
Result<ProgramCapture, Rejection> capture_program(const CaptureRequest &request, const SteeringPlan &plan,
                                                  const BaseContent &base);

// The environment of this machine as a set needs it (CPU, vDSO, ld.so, its cache and preload file).
Outcome<Environment> read_environment(const std::string &loader_path);

} // namespace sharedregion
