// SPDX-License-Identifier: GPL-2.0-or-later
// CacheModel: everything that one build knows; each phase adds its part (builder/phases/phases.h).
#pragma once

#include "builder/capture/capture.h"
#include "builder/model/builder_options.h"
#include "builder/model/cache_image.h"
#include "builder/model/string_table.h"
#include "builder/sets/vdso_stubs.h"

#include <array>
#include <memory>
#include <optional>

namespace sharedregion {

// A program that was asked for. With a rejection, the rest may be missing.
struct CacheProgram {
    std::string path; // canonical
    FileIdentity identity = {};
    uint64_t key = 0;               // program_key() (elf_view.h)
    std::string interpreter;        // PT_INTERP as it stands in the program
    std::string preload;            // the shim's path in the variant with it; empty: the plain one
    std::vector<ImageIndex> images; // its libraries in the order of ld.so's list, then ld.so
    std::optional<Rejection> rejection;
};

enum class SubCacheKind { Main };
enum class RegionKind { Text, Data, Heap, Tables };
inline constexpr size_t kRegionKinds = 4;

// One file. Its regions point to chunks that SubCache and CacheImage own.
struct SubCache {
    SubCacheKind kind = SubCacheKind::Main;
    std::string name; // file name in the generation's directory
    Chunk header, loader, heap;
    Chunk images, segments, exports, slide, symbols, section_names, sections, strings;
    std::array<Region, kRegionKinds> regions;
    uint32_t first_global_symbol = 0; // in `symbols`
    Uuid uuid = {};
    FileSize size;

    Region &region(RegionKind region_kind) { return regions[static_cast<size_t>(region_kind)]; }
};

struct CacheModel {
    BuilderConfig config;
    std::vector<CacheProgram> programs; // sorted by path; then those with the shim, likewise
    std::vector<CacheImage> images;     // after layout: by base
    ImageIndex loader = kNoImage;       // ld.so; every accepted program has it

    // Layout; frozen after phase 3.
    VMSize mapped_size, region_size;
    uint64_t data_size = 0;

    std::unique_ptr<SubCache> main; // its chunks are pointed to, so it does not move
    StringTable strings;

    VdsoWords vdso_words = {}; // from phase 6b on

    // order[i]: the present index of what becomes image i. All indices in images and programs follow.
    void reorder_images(const std::vector<ImageIndex> &order);

    const CacheImage *image_at(VMOffset offset) const;
    SegmentChunk *data_segment_at(VMOffset offset);
    const SegmentChunk *data_segment_at(VMOffset offset) const;
};

// What captures compare with: the model's data pages. Reads only.
class ModelContent : public BaseContent {
  public:
    explicit ModelContent(const CacheModel &model) : model_(model) {}
    const std::byte *page(VMOffset offset) const override;
    bool slides(VMOffset offset) const override;
    SlideBits slide_bits(VMOffset offset) const override;

  private:
    const CacheModel &model_;
};

} // namespace sharedregion
