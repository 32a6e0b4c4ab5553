// SPDX-License-Identifier: GPL-2.0-or-later
// Phase 3: the layout (contract: phases.h).
//
//   0             header page
//   4096          second stage of ld-dyld.so
//   ... 2 MiB     text of ld.so
//   2 MiB         its data; behind them at once the loader heap, VA only, so that one mapping brings both
//   ...           the other images, most-used first as far as slot_layout.h allows, each with its internal
//                 layout
//   mapped_size   end of the images and of the region; in the file, tables follow
#include "builder/phases/phases.h"
#include "builder/phases/slot_layout.h"

#include <algorithm>
#include <numeric>

namespace sharedregion {

namespace {

SegmentKind kind_of(const ElfSegment &segment) {
    if (segment.writable())
        return SegmentKind::Data;
    return (segment.flags & PF_X) != 0 ? SegmentKind::Text : SegmentKind::ReadOnly;
}

// Bytes from the segment's first page that PT_GNU_RELRO covers, as ld.so rounds it (glibc
// elf/dl-reloc.c: _dl_protect_relro). 0 where relro does not begin with the segment.
VMSize relro_of(const CacheImage &image, const ElfSegment &segment) {
    uint64_t begin = align_down(segment.vaddr, kPageSize);
    uint64_t relro_begin = align_down(image.elf.relro.vaddr, kPageSize);
    uint64_t relro_end = align_down(image.elf.relro.vaddr + image.elf.relro.mem_size, kPageSize);
    uint64_t end = align_up(segment.vaddr + segment.mem_size, kPageSize);
    bool fits =
        image.elf.relro.mem_size != 0 && relro_begin == begin && relro_end > begin && relro_end <= end;
    return VMSize(fits ? relro_end - begin : 0);
}

void lay_out_data(const BuilderConfig &config, const CacheImage &image, SegmentChunk *chunk,
                  uint64_t *data_size) {
    uint64_t begin = align_down(chunk->elf.vaddr, kPageSize);
    uint64_t file_end = align_up(chunk->elf.vaddr + chunk->elf.file_size, kPageSize);
    uint64_t end = align_up(chunk->elf.vaddr + chunk->elf.mem_size, kPageSize);
    bool store_bss = end - file_end <= config.largest_stored_bss.raw();
    uint64_t stored = (store_bss ? end : file_end) - begin;
    chunk->data = DataContent(image.base + VMSize(begin), VMSize(stored));
    chunk->anonymous = VMSize(store_bss ? 0 : end - file_end);
    chunk->relro = relro_of(image, chunk->elf);
    chunk->data_offset = *data_size;
    *data_size += stored;
}

SegmentChunk make_segment(const BuilderConfig &config, const CacheImage &image, const ElfSegment &segment,
                          uint64_t *data_size) {
    SegmentChunk chunk;
    chunk.kind = ChunkKind::ImageSegment;
    chunk.segment_kind = kind_of(segment);
    chunk.elf = segment;
    chunk.alignment = segment.align;
    chunk.vm_offset = image.base + VMSize(align_down(segment.vaddr, kPageSize));
    chunk.vm_size =
        VMSize(align_up(segment.vaddr + segment.mem_size, kPageSize) - align_down(segment.vaddr, kPageSize));
    chunk.file_offset = FileOffset(chunk.vm_offset.raw());
    chunk.file_size = FileSize(chunk.vm_size.raw());
    if (chunk.segment_kind == SegmentKind::Data) {
        lay_out_data(config, image, &chunk, data_size);
        chunk.file_size = FileSize(chunk.data.size());
    }
    return chunk;
}

uint64_t alignment_of(const CacheImage &image) {
    uint64_t alignment = kPageSize;
    for (const ElfSegment &segment : image.elf.segments)
        alignment = std::max(alignment, segment.align);
    return alignment;
}

ImageShape shape_of(const CacheImage &image) {
    uint64_t text = image.elf.end();
    for (const ElfSegment &segment : image.elf.segments)
        if (segment.writable())
            text = std::min(text, align_down(segment.vaddr, kPageSize));
    return ImageShape{text, image.elf.end(), alignment_of(image)};
}

// Places ld.so; returns its end, where the heap begins.
VMOffset place_loader(CacheModel *model, VMOffset begin) {
    if (model->loader == kNoImage) // no program is served
        return VMOffset(align_up(begin.raw(), kLargePageSize));
    CacheImage &loader = model->images[model->loader];
    loader.base = VMOffset(SlotLayout::base_with_data_at_slot(shape_of(loader), begin.raw()));
    loader.size = VMSize(loader.elf.end());
    return loader.base + loader.size;
}

// Gives each image but ld.so its base.
void place_libraries(CacheModel *model, VMOffset begin) {
    SlotLayout layout(begin);
    for (ImageIndex i = 0; i < model->images.size(); i++) {
        if (i == model->loader)
            continue;
        CacheImage &image = model->images[i];
        image.base = layout.place(shape_of(image));
        image.size = VMSize(image.elf.end());
    }
}

void sort_by_base(CacheModel *model) {
    std::vector<ImageIndex> order(model->images.size());
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(),
              [&](ImageIndex a, ImageIndex b) { return model->images[a].base < model->images[b].base; });
    model->reorder_images(order);
}

// Returns the end of the images, or `least`.
VMOffset make_segments(CacheModel *model, VMOffset least) {
    VMOffset end = least;
    for (CacheImage &image : model->images) {
        for (const ElfSegment &segment : image.elf.segments)
            image.segments.push_back(make_segment(model->config, image, segment, &model->data_size));
        end = std::max(end, image.base + image.size);
    }
    return end;
}

Chunk mapped_chunk(ChunkKind kind, VMOffset at, uint64_t size) {
    Chunk chunk;
    chunk.kind = kind;
    chunk.vm_offset = at;
    chunk.vm_size = VMSize(align_up(size, kPageSize));
    chunk.file_offset = FileOffset(at.raw());
    chunk.file_size = FileSize(size);
    return chunk;
}

void fill_regions(CacheModel *model) {
    SubCache &cache = *model->main;
    cache.region(RegionKind::Text).protection = PROT_READ | PROT_EXEC;
    cache.region(RegionKind::Text).chunks = {&cache.header, &cache.loader};
    cache.region(RegionKind::Data).protection = PROT_READ | PROT_WRITE;
    cache.region(RegionKind::Heap).protection = PROT_READ | PROT_WRITE;
    cache.region(RegionKind::Heap).chunks = {&cache.heap};
    for (CacheImage &image : model->images)
        for (SegmentChunk &segment : image.segments) {
            bool data = segment.segment_kind == SegmentKind::Data;
            cache.region(data ? RegionKind::Data : RegionKind::Text).chunks.push_back(&segment);
        }
    cache.region(RegionKind::Tables).chunks = {&cache.images,        &cache.segments, &cache.strings,
                                               &cache.exports,       &cache.slide,    &cache.symbols,
                                               &cache.section_names, &cache.sections};
}

} // namespace

Done create_sub_caches(CacheModel *model) {
    model->main = std::make_unique<SubCache>();
    SubCache &cache = *model->main;
    cache.name = "shared_cache";
    cache.header = mapped_chunk(ChunkKind::Header, VMOffset(0), kPageSize);
    cache.loader = mapped_chunk(ChunkKind::Loader, VMOffset(kPageSize), model->config.loader_blob.size());
    cache.loader.buffer = model->config.loader_blob;
    VMOffset heap = place_loader(model, cache.loader.vm_offset + cache.loader.vm_size);
    VMOffset heap_end(align_up((heap + model->config.heap_size).raw(), kLargePageSize));
    cache.heap = mapped_chunk(ChunkKind::Heap, heap, (heap_end - heap).raw());
    cache.heap.file_size = FileSize(0);
    place_libraries(model, heap_end);
    sort_by_base(model);
    model->mapped_size = make_segments(model, heap_end) - VMOffset(0);
    model->region_size = model->mapped_size;
    fill_regions(model);
    return Success{};
}

} // namespace sharedregion
