// SPDX-License-Identifier: GPL-2.0-or-later
// Finding images and pages by region offset; the images' order.
#include "builder/model/cache_model.h"

#include <algorithm>

namespace sharedregion {

namespace {

void renumber(const std::vector<ImageIndex> &number, std::vector<ImageIndex> *indices) {
    for (ImageIndex &index : *indices)
        index = number[index];
}

} // namespace

void CacheModel::reorder_images(const std::vector<ImageIndex> &order) {
    std::vector<ImageIndex> number(order.size());
    std::vector<CacheImage> sorted;
    for (ImageIndex old : order) {
        number[old] = static_cast<ImageIndex>(sorted.size());
        sorted.push_back(std::move(images[old]));
    }
    for (CacheImage &image : sorted) {
        renumber(number, &image.needed);
        renumber(number, &image.scope);
    }
    for (CacheProgram &program : programs)
        renumber(number, &program.images);
    if (loader != kNoImage)
        loader = number[loader];
    images = std::move(sorted);
}

const CacheImage *CacheModel::image_at(VMOffset offset) const {
    auto next = std::upper_bound(images.begin(), images.end(), offset,
                                 [](VMOffset at, const CacheImage &image) { return at < image.base; });
    if (next == images.begin() || offset >= std::prev(next)->base + std::prev(next)->size)
        return nullptr;
    return &*std::prev(next);
}

const SegmentChunk *CacheModel::data_segment_at(VMOffset offset) const {
    const CacheImage *image = image_at(offset);
    if (image == nullptr)
        return nullptr;
    for (const SegmentChunk &segment : image->segments)
        if (segment.segment_kind == SegmentKind::Data && offset >= segment.data.begin() &&
            offset.raw() - segment.data.begin().raw() < segment.data.size() + segment.anonymous.raw())
            return &segment;
    return nullptr;
}

SegmentChunk *CacheModel::data_segment_at(VMOffset offset) {
    return const_cast<SegmentChunk *>(std::as_const(*this).data_segment_at(offset));
}

const std::byte *ModelContent::page(VMOffset offset) const {
    alignas(8) static constexpr std::byte kZeroPage[kPageSize] = {};
    const SegmentChunk *segment = model_.data_segment_at(offset);
    if (segment == nullptr)
        return nullptr;
    if (!segment->data.contains(offset, kPageSize))
        return kZeroPage;
    return segment->data.bytes() + (offset.raw() - segment->data.begin().raw());
}

bool ModelContent::slides(VMOffset offset) const {
    const SegmentChunk *segment = model_.data_segment_at(offset);
    return segment != nullptr && segment->data.contains(offset, 8) && segment->data.slides(offset);
}

SlideBits ModelContent::slide_bits(VMOffset offset) const {
    const SegmentChunk *segment = model_.data_segment_at(offset);
    bool stored = segment != nullptr && segment->data.contains(offset, kPageSize);
    return stored ? segment->data.slide_bits(offset) : SlideBits{};
}

} // namespace sharedregion
