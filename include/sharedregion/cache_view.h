// SPDX-License-Identifier: GPL-2.0-or-later
// Bounds-checked view of the file `shared_cache` (cache_format.h).
//
// open() checks header, image and segment tables; check_exports() and check_slide() check the two
// large tables that only some readers use. Freestanding. Hashes are checked elsewhere (hash_tree.h).
#pragma once

#include "sharedregion/cache_format.h"
#include "sharedregion/header_check.h"
#include "sharedregion/relr.h"
#include "sharedregion/units.h"

namespace sharedregion {

class CacheView {
  public:
    // `file` is the whole file. Errors: EINVAL with the offset in the file.
    static Result<CacheView> open(ByteView file) {
        TRY(check_file_header(file, kCacheHeaderOffset, kCacheMagic, sizeof(CacheHeader)));
        CacheView view;
        view.file_ = file;
        view.header_ = file.at<CacheHeader>(kCacheHeaderOffset);
        TRY(view.check_sizes());
        TRY(view.open_tables());
        TRY(view.check_images());
        return view;
    }

    const CacheHeader &header() const { return *header_; }
    ByteView bytes() const { return file_; }
    Span<const CacheImageRecord> images() const { return images_; }
    Span<const CacheSegmentRecord> segments() const { return segments_; }
    Span<const CacheExportRecord> exports() const { return exports_; }
    Span<const uint64_t> slide() const { return slide_; } // RELR entries

    // NUL-terminated; nullptr where `ref` lies outside (never for the images' strings).
    const char *string(StringRef ref) const { return checked_string(strings_, ref); }
    Span<const CacheSegmentRecord> segments(const CacheImageRecord &image) const {
        return Span<const CacheSegmentRecord>(segments_.data() + image.first_segment, image.segment_count);
    }
    // A data segment's bytes in the file (what activation copies to data_offset and slides).
    ByteView data(const CacheSegmentRecord &segment) const {
        return file_.part(segment.data_begin, segment.data_span);
    }

    // The image whose VA holds a region offset (binary search by base), or nullptr.
    const CacheImageRecord *image_at(uint64_t region_offset) const {
        uint64_t low = 0;
        for (uint64_t high = images_.size(); low < high;) {
            uint64_t middle = low + (high - low) / 2;
            if (images_[middle].base + images_[middle].size <= region_offset)
                low = middle + 1;
            else
                high = middle;
        }
        return low < images_.size() && images_[low].base <= region_offset ? &images_[low] : nullptr;
    }

    // Names, versions and image indices of all exports.
    Status check_exports() const {
        for (const CacheExportRecord &symbol : exports_)
            if (string(symbol.name) == nullptr || string(symbol.version) == nullptr ||
                symbol.image >= images_.size())
                return wrong("cache: an export's name or image is wrong", offset_of(&symbol));
        return Success{};
    }

    // Every word to slide is an aligned word of a data segment's stored part.
    Status check_slide() const {
        bool fits = true;
        const CacheSegmentRecord *last = nullptr;
        relr_for_each(slide_, [&](uint64_t at) {
            if (last == nullptr || !holds(*last, at))
                last = data_segment_at(at);
            fits &= last != nullptr && is_aligned(at, 8);
        });
        if (!fits)
            return wrong("cache: a word to slide lies outside data", header_->slide.offset);
        return Success{};
    }

  private:
    static Error wrong(const char *what, uint64_t where) { return Error{22, what, where}; }
    static Error wrong_field(const char *what, uint64_t field) {
        return wrong(what, kCacheHeaderOffset + field);
    }
    uint64_t offset_of(const void *record) const {
        return static_cast<uint64_t>(static_cast<const unsigned char *>(record) - file_.data());
    }
    static bool holds(const CacheSegmentRecord &segment, uint64_t at) {
        return segment.data_span >= 8 && at >= segment.data_begin &&
               at - segment.data_begin <= segment.data_span - 8;
    }
    const CacheSegmentRecord *data_segment_at(uint64_t at) const {
        const CacheImageRecord *image = image_at(at);
        if (image == nullptr)
            return nullptr;
        for (const CacheSegmentRecord &segment : segments(*image))
            if (holds(segment, at))
                return &segment;
        return nullptr;
    }

    Status check_sizes() const {
        const CacheHeader &h = *header_;
        if (!is_aligned(h.mapped_size, kPageSize) || h.mapped_size > file_.size())
            return wrong_field("cache: mapped part lies outside the file",
                               offsetof(CacheHeader, mapped_size));
        if (!is_aligned(h.region_size | h.heap_offset | h.heap_size, kPageSize) ||
            h.region_size < h.mapped_size || h.heap_offset > h.region_size ||
            h.heap_size > h.region_size - h.heap_offset)
            return wrong_field("cache: heap or mapped part lies outside the region",
                               offsetof(CacheHeader, heap_offset));
        if (h.loader_entry > h.mapped_size || h.loader_size > h.mapped_size - h.loader_entry)
            return wrong_field("cache: second stage lies outside the region",
                               offsetof(CacheHeader, loader_entry));
        for (uint64_t i = 0; i < kVdsoStubs; i++)
            if (!is_aligned(h.vdso_words[i], 8) || h.vdso_words[i] >= h.mapped_size)
                return wrong_field("cache: a vDSO stub jumps by a word outside the region",
                                   offsetof(CacheHeader, vdso_words) + i * sizeof(uint64_t));
        if (!is_aligned(h.data_size, kPageSize))
            return wrong_field("cache: data size is no multiple of a page", offsetof(CacheHeader, data_size));
        return Success{};
    }

    Status open_tables() {
        const CacheHeader &h = *header_;
        if (!file_.array(h.images.offset, h.images.size, &images_))
            return wrong_field("cache: image table lies outside the file", offsetof(CacheHeader, images));
        if (!file_.array(h.segments.offset, h.segments.size, &segments_))
            return wrong_field("cache: segment table lies outside the file", offsetof(CacheHeader, segments));
        if (!file_.array(h.exports.offset, h.exports.size, &exports_))
            return wrong_field("cache: export table lies outside the file", offsetof(CacheHeader, exports));
        if (!file_.array(h.slide.offset, h.slide.size, &slide_))
            return wrong_field("cache: slide table lies outside the file", offsetof(CacheHeader, slide));
        if (!file_.contains(h.strings.offset, h.strings.size))
            return wrong_field("cache: strings lie outside the file", offsetof(CacheHeader, strings));
        strings_ = file_.part(h.strings.offset, h.strings.size);
        return Success{};
    }

    Status check_images() const {
        uint64_t end = 0;
        for (const CacheImageRecord &image : images_) {
            if (string(image.path) == nullptr || string(image.soname) == nullptr)
                return wrong("cache: an image's name lies outside the strings", offset_of(&image));
            if (image.build_id.size > sizeof image.build_id.bytes)
                return wrong("cache: an image's build-id is too long", offset_of(&image));
            if (!is_aligned(image.base | image.size, kPageSize) || image.base < end ||
                image.base > header_->mapped_size || image.size > header_->mapped_size - image.base)
                return wrong("cache: an image lies outside the region or over another", offset_of(&image));
            if (image.base < header_->heap_offset + header_->heap_size &&
                header_->heap_offset < image.base + image.size)
                return wrong("cache: an image lies over the loader heap", offset_of(&image));
            end = image.base + image.size;
            if (image.first_segment > segments_.size() ||
                image.segment_count > segments_.size() - image.first_segment)
                return wrong("cache: an image's segments lie outside their table", offset_of(&image));
            for (const CacheSegmentRecord &segment : segments(image))
                TRY(check_segment(image, segment));
        }
        return Success{};
    }

    Status check_segment(const CacheImageRecord &image, const CacheSegmentRecord &segment) const {
        // All sizes are compared with what is left of the image, so that no sum can overflow.
        auto fits = [&](uint64_t begin, uint64_t size) {
            return begin >= image.base && begin - image.base <= image.size &&
                   size <= image.size - (begin - image.base);
        };
        if (segment.kind > static_cast<uint32_t>(SegmentKind::Data))
            return wrong("cache: a segment has an unknown kind", offset_of(&segment));
        if (!fits(segment.offset, segment.mem_size) || segment.file_size > segment.mem_size)
            return wrong("cache: a segment lies outside its image", offset_of(&segment));
        if (segment.kind != static_cast<uint32_t>(SegmentKind::Data)) {
            if ((segment.data_begin | segment.data_span | segment.anon_span | segment.relro_size |
                 segment.data_offset) != 0)
                return wrong("cache: a segment without data has a place for data", offset_of(&segment));
            return Success{};
        }
        if (!is_aligned(segment.data_begin | segment.data_span | segment.anon_span | segment.relro_size |
                            segment.data_offset,
                        kPageSize))
            return wrong("cache: a data segment is not made of pages", offset_of(&segment));
        if (!fits(segment.data_begin, segment.data_span) ||
            !fits(segment.data_begin + segment.data_span, segment.anon_span) ||
            segment.relro_size > segment.data_span + segment.anon_span)
            return wrong("cache: a data segment's pages lie outside its image", offset_of(&segment));
        if (segment.data_offset > header_->data_size ||
            segment.data_span > header_->data_size - segment.data_offset)
            return wrong("cache: a data segment lies outside the data area", offset_of(&segment));
        return Success{};
    }

    ByteView file_, strings_;
    const CacheHeader *header_ = nullptr;
    Span<const CacheImageRecord> images_;
    Span<const CacheSegmentRecord> segments_;
    Span<const CacheExportRecord> exports_;
    Span<const uint64_t> slide_;
};

} // namespace sharedregion
