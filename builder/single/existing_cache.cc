// SPDX-License-Identifier: GPL-2.0-or-later
#include "builder/single/existing_cache.h"

#include "builder/support/file.h"

#include <algorithm>

namespace sharedregion {

namespace {

bool is_data(const CacheSegmentRecord &segment) {
    return segment.kind == static_cast<uint32_t>(SegmentKind::Data);
}

ImageDataMaps data_maps_of(const CacheView &cache, const CacheImageRecord &image) {
    ImageDataMaps maps{cache.string(image.path), image.identity, {}, VMOffset(image.base + image.size)};
    for (const CacheSegmentRecord &segment : cache.segments(image))
        if (is_data(segment))
            maps.maps.push_back(
                {segment.data_begin, segment.data_span, segment.anon_span, segment.data_offset});
    return maps;
}

} // namespace

FileContent::FileContent(const CacheView &cache)
    : cache_(cache), slides_(cache.header().data_size / (8 * 64) + 1) {
    relr_for_each(cache.slide(), [&](uint64_t at) {
        if (std::optional<uint64_t> place = data_offset(VMOffset(at), 8))
            slides_[*place / 8 / 64] |= 1ULL << *place / 8 % 64;
    });
}

// The data segment of the image at `offset` whose stored or anonymous part holds it.
const CacheSegmentRecord *FileContent::data_segment_at(uint64_t offset) const {
    const CacheImageRecord *image = cache_.image_at(offset);
    if (image == nullptr || offset < image->base)
        return nullptr;
    for (const CacheSegmentRecord &segment : cache_.segments(*image))
        if (is_data(segment) && offset >= segment.data_begin &&
            offset - segment.data_begin < segment.data_span + segment.anon_span)
            return &segment;
    return nullptr;
}

std::optional<uint64_t> FileContent::data_offset(VMOffset offset, uint64_t size) const {
    const CacheSegmentRecord *segment = data_segment_at(offset.raw());
    if (segment == nullptr || segment->data_span < size ||
        offset.raw() - segment->data_begin > segment->data_span - size)
        return std::nullopt;
    return segment->data_offset + (offset.raw() - segment->data_begin);
}

const std::byte *FileContent::page(VMOffset offset) const {
    alignas(8) static constexpr std::byte kZeroPage[kPageSize] = {};
    const CacheSegmentRecord *segment = data_segment_at(offset.raw());
    if (segment == nullptr)
        return nullptr;
    if (!data_offset(offset, kPageSize))
        return kZeroPage;
    return reinterpret_cast<const std::byte *>(cache_.data(*segment).data()) +
           (offset.raw() - segment->data_begin);
}

bool FileContent::slides(VMOffset offset) const {
    std::optional<uint64_t> place = data_offset(offset, 8);
    return place && (slides_[*place / 8 / 64] >> *place / 8 % 64 & 1) != 0;
}

SlideBits FileContent::slide_bits(VMOffset offset) const {
    SlideBits bits = {};
    if (std::optional<uint64_t> place = data_offset(offset, kPageSize))
        std::copy_n(slides_.begin() + static_cast<std::ptrdiff_t>(*place / 8 / 64), bits.size(),
                    bits.begin());
    return bits;
}

Outcome<ExistingCache> ExistingCache::open(const std::string &path, const std::string &interpreter) {
    MappedFile file = TRY(MappedFile::open(path));
    Result<CacheView> view = CacheView::open(file.bytes());
    if (!view.ok())
        return Failure::of(view.error(), path);
    const FileIdentity loader = TRY(identity_of_path(interpreter));
    ExistingCache cache(std::move(file), view.value());
    TRY(cache.read_images(loader, path));
    return cache;
}

Done ExistingCache::read_images(const FileIdentity &loader, const std::string &path) {
    const CacheHeader &header = view_.header();
    bool has_loader = false;
    for (uint32_t i = 0; i < view_.images().size(); i++) {
        const CacheImageRecord &image = view_.images()[i];
        plan_.images.push_back(
            {view_.string(image.path), image.identity, VMOffset(image.base), VMSize(image.size), i});
        layout_.images.push_back(data_maps_of(view_, image));
        if (image.identity == loader) {
            plan_.loader = layout_.loader = i;
            has_loader = true;
        }
    }
    if (!has_loader)
        return Failure::about(path, "was built with another ld.so than this machine has now; run `dyldctl "
                                    "build`");
    plan_.heap_offset = layout_.heap_offset = VMOffset(header.heap_offset);
    plan_.heap_size = VMSize(header.heap_size);
    plan_.region_size = VMSize(header.region_size);
    layout_.loader_end = VMOffset(align_up(header.loader_entry + header.loader_size, kPageSize));
    return Success{};
}

VdsoWords ExistingCache::vdso_words() const {
    VdsoWords words;
    std::copy_n(view_.header().vdso_words, words.size(), words.begin());
    return words;
}

LoaderExtent ExistingCache::loader_extent() const {
    return {plan_.images[plan_.loader].base, plan_.heap_offset, plan_.heap_offset + plan_.heap_size};
}

const PlannedImage *ExistingCache::find(const std::string &path, const FileIdentity &identity,
                                        bool *changed) const {
    *changed = false;
    for (const PlannedImage &image : plan_.images) {
        if (image.identity == identity)
            return &image;
        *changed |= image.path == path;
    }
    return nullptr;
}

} // namespace sharedregion
