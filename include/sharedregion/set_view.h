// SPDX-License-Identifier: GPL-2.0-or-later
// Bounds-checked views of a set blob (SetView) and of the file `sets` (SetsView).
//
// open() checks each offset, count, kind and alignment of the metadata once; what the accessors give
// afterwards lies inside the bytes. Lists of words are checked by check_words(), which activation and
// dyldctl call; the start-up code does not: it reads only what activation checked and made read-only.
// Freestanding. Hashes are checked elsewhere (hash_tree.h).
#pragma once

#include "sharedregion/header_check.h"
#include "sharedregion/relr.h"
#include "sharedregion/set_format.h"
#include "sharedregion/units.h"

namespace sharedregion {

// What the region offsets of a set must fit into (from CacheHeader or RegionHeader).
struct SetLimits {
    uint64_t data_size; // bytes of the data area
    uint64_t mapped_size;
    uint64_t heap_offset;
    uint64_t heap_size;
    uint64_t region_size;
    uint64_t image_count; // 0: not known, dependencies are not compared
};

// Offsets in the space Program stay below this (the end of user space, 47 bits).
inline constexpr uint64_t kUserSpaceEnd = 1ULL << 47;

constexpr bool is_narrow(FixupClass fixup_class) {
    return fixup_class == FixupClass::ThreadId || fixup_class == FixupClass::ArgumentCount;
}

// One program's set, as it is in `sets` or (slid) in an activated region file.
class SetView {
  public:
    // `bytes` begins with the blob and may be longer. Errors: EINVAL with the offset in the blob.
    static Result<SetView> open(ByteView bytes) {
        SetView view;
        const auto *header = bytes.at<SetHeader>(0);
        if (header == nullptr)
            return wrong("set: shorter than its header or not aligned", bytes.size());
        if (header->magic != kSetMagic)
            return wrong("set: wrong magic", offsetof(SetHeader, magic));
        if (header->version != kFormatVersion)
            return wrong("set: format version is not supported; build it again",
                         offsetof(SetHeader, version));
        if (header->size > bytes.size() || !is_aligned(header->size, kPageSize))
            return wrong("set: size is wrong", offsetof(SetHeader, size));
        if (header->metadata_size <= sizeof(SetHeader) || header->metadata_size > header->size)
            return wrong("set: metadata lies outside the set", offsetof(SetHeader, metadata_size));
        if (bytes.data()[header->metadata_size - 1] != 0)
            return wrong("set: strings do not end with NUL", header->metadata_size - 1);
        view.header_ = header;
        view.bytes_ = bytes.part(0, header->size);
        view.metadata_ = bytes.part(0, header->metadata_size);
        TRY(view.open_tables());
        TRY(view.check_header());
        TRY(view.check_records());
        return view;
    }

    const SetHeader &header() const { return *header_; }
    ByteView bytes() const { return bytes_; }
    Span<const SetDependency> dependencies() const { return dependencies_; }
    Span<const uint32_t> absent() const { return absent_; } // string offsets
    Span<const SetDataMap> data_maps() const { return data_maps_; }
    Span<const SetPageOp> page_ops() const { return page_ops_; }
    Span<const SetFixupList> fixups() const { return fixups_; }
    Span<const SetProtect> protects() const { return protects_; }
    Span<const uint64_t> slide() const { return slide_; } // RELR entries

    // A string by its offset in the blob; open() has checked those of header, dependencies, absent.
    const char *string(uint32_t offset) const {
        return offset < metadata_.size() ? reinterpret_cast<const char *>(metadata_.data() + offset)
                                         : nullptr;
    }
    const char *path() const { return string(header_->path); }

    // The raw entries of one list: RELR for 8-byte classes, plain offsets for 32-bit ones.
    Span<const uint64_t> words(const SetFixupList &list) const {
        Span<const uint64_t> span;
        (void)metadata_.array(list.words.offset, list.words.count, &span);
        return span;
    }
    // The content of a page operation.
    ByteView pages(const SetPageOp &op) const { return bytes_.part(op.blob_offset, op.size); }

    // Calls visit(offset) for each word of a list, relative to its space.
    template <class Visit> void for_each_word(const SetFixupList &list, Visit visit) const {
        if (!is_narrow(static_cast<FixupClass>(list.fixup_class))) {
            relr_for_each(words(list), visit);
            return;
        }
        for (uint64_t offset : words(list))
            visit(offset);
    }

    // Every offset against the region's layout: data maps, pages, fixup words, words to slide.
    Status check_words(const SetLimits &limits) const {
        TRY(check_limits(limits));
        TRY(check_page_targets(limits));
        for (const SetFixupList &list : fixups_) {
            bool fits = true;
            uint64_t width = is_narrow(static_cast<FixupClass>(list.fixup_class)) ? 4 : 8;
            auto space = static_cast<Space>(list.space);
            const SetDataMap *last = nullptr; // words are many and mostly neighbours
            for_each_word(list, [&](uint64_t at) {
                if (space == Space::Region && last != nullptr && holds_word(*last, at, width))
                    return;
                fits &= word_fits(limits, space, at, width);
                last = space == Space::Region && fits ? map_of(at) : nullptr;
            });
            if (!fits)
                return wrong("set: a fixup lies outside writable data", list.words.offset);
        }
        bool fits = true;
        uint64_t pages_begin = align_up(header_->metadata_size, kPageSize);
        relr_for_each(slide_, [&](uint64_t at) {
            fits &= is_aligned(at, 8) && at >= pages_begin && at < bytes_.size() && bytes_.size() - at >= 8;
        });
        if (!fits)
            return wrong("set: a word to slide lies outside the pages", header_->slide.offset);
        return Success{};
    }

  private:
    static Error wrong(const char *what, uint64_t where) { return Error{22, what, where}; }
    uint64_t offset_of(const void *record) const {
        return static_cast<uint64_t>(static_cast<const unsigned char *>(record) - bytes_.data());
    }

    template <class T> Status open_table(const Table &table, Span<const T> *out) const {
        if (table.count == 0)
            return Success{};
        if (table.offset < sizeof(SetHeader) || !metadata_.array(table.offset, table.count, out))
            return wrong("set: a table lies outside the metadata", offset_of(&table));
        return Success{};
    }

    Status open_tables() {
        TRY(open_table(header_->dependencies, &dependencies_));
        TRY(open_table(header_->absent, &absent_));
        TRY(open_table(header_->data_maps, &data_maps_));
        TRY(open_table(header_->page_ops, &page_ops_));
        TRY(open_table(header_->fixups, &fixups_));
        TRY(open_table(header_->protects, &protects_));
        return open_table(header_->slide, &slide_);
    }

    bool string_fits(uint32_t offset) const {
        return offset >= sizeof(SetHeader) && offset < metadata_.size();
    }

    Status check_header() const {
        if (header_->build_id.size > sizeof header_->build_id.bytes)
            return wrong("set: build-id is too long", offsetof(SetHeader, build_id));
        if (!string_fits(header_->path))
            return wrong("set: path lies outside the metadata", offsetof(SetHeader, path));
        if (!is_aligned(header_->heap_size, kPageSize))
            return wrong("set: heap size is no multiple of a page", offsetof(SetHeader, heap_size));
        if (!is_aligned(header_->text_size, kPageSize))
            return wrong("set: text size is no multiple of a page", offsetof(SetHeader, text_size));
        if (header_->resume == 0 || header_->resume >= kUserSpaceEnd)
            return wrong("set: no address to resume at", offsetof(SetHeader, resume));
        return Success{};
    }

    Status check_records() const {
        for (const SetDependency &dependency : dependencies_)
            if (!string_fits(dependency.path))
                return wrong("set: a dependency's path lies outside the metadata", offset_of(&dependency));
        for (const uint32_t &path : absent_)
            if (!string_fits(path))
                return wrong("set: an absent path lies outside the metadata", offset_of(&path));
        TRY(check_data_maps());
        TRY(check_page_ops());
        for (const SetFixupList &list : fixups_) {
            Span<const uint64_t> span;
            if (list.space >= kSpaceCount || list.fixup_class >= kFixupClassCount ||
                list.fixup_class == static_cast<uint32_t>(FixupClass::Region))
                return wrong("set: a fixup list has an unknown space or class", offset_of(&list));
            TRY(open_table(list.words, &span));
        }
        for (const SetProtect &protect : protects_)
            if (protect.space >= kSpaceCount || !range_fits(protect.offset, protect.size) ||
                (protect.protection & ~7U) != 0)
                return wrong("set: a protection is not a range of pages", offset_of(&protect));
        return Success{};
    }

    static bool range_fits(uint64_t offset, uint64_t size) {
        return is_aligned(offset | size, kPageSize) && offset < kUserSpaceEnd && size < kUserSpaceEnd;
    }

    // Rising addresses, so that overlapping maps cannot exist.
    Status check_data_maps() const {
        uint64_t end = 0;
        for (const SetDataMap &map : data_maps_) {
            uint64_t source = map.data_offset != kMappedByPages ? map.data_offset : 0;
            if (!range_fits(map.offset, map.size) || !range_fits(source, map.anon_size) || map.offset < end)
                return wrong("set: a data map is not a range of pages or out of order", offset_of(&map));
            end = map.offset + map.size + map.anon_size;
        }
        return Success{};
    }

    Status check_page_ops() const {
        uint64_t pages_begin = align_up(header_->metadata_size, kPageSize);
        for (const SetPageOp &op : page_ops_) {
            if (op.space >= kSpaceCount || op.kind > static_cast<uint32_t>(PageOpKind::Map))
                return wrong("set: a page operation has an unknown space or kind", offset_of(&op));
            if (!range_fits(op.offset, op.size) || op.size == 0)
                return wrong("set: a page operation is not a range of pages", offset_of(&op));
            if (!is_aligned(op.blob_offset, kPageSize) || op.blob_offset < pages_begin ||
                !bytes_.contains(op.blob_offset, op.size))
                return wrong("set: a page operation's content lies outside the set", offset_of(&op));
        }
        return Success{};
    }

    Status check_limits(const SetLimits &limits) const {
        if (header_->heap_size > limits.heap_size)
            return wrong("set: heap is larger than its area", offsetof(SetHeader, heap_size));
        if (header_->resume >= limits.mapped_size)
            return wrong("set: resumes outside the cache's text", offsetof(SetHeader, resume));
        if (header_->text_size > limits.mapped_size)
            return wrong("set: needs more text than the cache holds", offsetof(SetHeader, text_size));
        for (const SetDependency &dependency : dependencies_)
            if (limits.image_count != 0 && dependency.image >= limits.image_count)
                return wrong("set: a dependency names no image", offset_of(&dependency));
        for (const SetDataMap &map : data_maps_)
            if (map.offset + map.size + map.anon_size > limits.mapped_size ||
                (map.data_offset != kMappedByPages &&
                 (map.data_offset > limits.data_size || map.size > limits.data_size - map.data_offset)))
                return wrong("set: a data map lies outside the region or its data", offset_of(&map));
        const uint64_t places[] = {header_->fs_base, header_->tid_address, header_->robust_list,
                                   header_->rseq};
        for (uint64_t place : places)
            if (place != 0 && !in_region_data(limits, place, 8))
                return wrong("set: thread data lies outside writable data", offsetof(SetHeader, fs_base));
        return Success{};
    }

    Status check_page_targets(const SetLimits &limits) const {
        for (const SetPageOp &op : page_ops_)
            if (static_cast<Space>(op.space) == Space::Region && !in_region_data(limits, op.offset, op.size))
                return wrong("set: pages lie outside writable data", offset_of(&op));
        for (const SetProtect &protect : protects_)
            if (static_cast<Space>(protect.space) == Space::Region &&
                !in_region_data(limits, protect.offset, protect.size))
                return wrong("set: a protection lies outside writable data", offset_of(&protect));
        return Success{};
    }

    // Whether [at, at + size) lies in a data map or the loader heap, or in several that are neighbours.
    bool in_region_data(const SetLimits &limits, uint64_t at, uint64_t size) const {
        const uint64_t end = at + size;
        uint64_t reached = at;
        auto extend = [&](uint64_t begin, uint64_t length) {
            if (reached >= begin && reached - begin < length)
                reached = begin + length;
        };
        for (const SetDataMap &map : data_maps_) // rising
            extend(map.offset, map.size + map.anon_size);
        extend(limits.heap_offset, limits.heap_size);
        for (const SetDataMap &map : data_maps_) // those behind the heap
            extend(map.offset, map.size + map.anon_size);
        return end >= at && reached >= end;
    }

    static bool holds_word(const SetDataMap &map, uint64_t at, uint64_t width) {
        return is_aligned(at, width) && at >= map.offset && at - map.offset < map.size + map.anon_size;
    }
    // The map that holds a word; nullptr: none, such as the loader heap.
    const SetDataMap *map_of(uint64_t at) const {
        for (const SetDataMap &map : data_maps_)
            if (holds_word(map, at, 1))
                return &map;
        return nullptr;
    }

    bool word_fits(const SetLimits &limits, Space space, uint64_t at, uint64_t width) const {
        if (!is_aligned(at, width))
            return false;
        return space == Space::Region ? in_region_data(limits, at, width) : at < kUserSpaceEnd;
    }

    const SetHeader *header_ = nullptr;
    ByteView bytes_, metadata_;
    Span<const SetDependency> dependencies_;
    Span<const uint32_t> absent_;
    Span<const SetDataMap> data_maps_;
    Span<const SetPageOp> page_ops_;
    Span<const SetFixupList> fixups_;
    Span<const SetProtect> protects_;
    Span<const uint64_t> slide_;
};

// The file `sets` of a generation.
class SetsView {
  public:
    // `file` is the whole file. Checks header, program table and strings; each blob is checked by set().
    static Result<SetsView> open(ByteView file) {
        TRY(check_file_header(file, 0, kSetsMagic, sizeof(SetsHeader)));
        SetsView view;
        view.file_ = file;
        view.header_ = file.at<SetsHeader>(0);
        const SetsHeader &header = *view.header_;
        if (!file.array(header.programs.offset, header.programs.size, &view.programs_))
            return wrong("sets: program table lies outside the file", offsetof(SetsHeader, programs));
        if (!file.contains(header.strings.offset, header.strings.size))
            return wrong("sets: strings lie outside the file", offsetof(SetsHeader, strings));
        view.strings_ = file.part(header.strings.offset, header.strings.size);
        if (view.string(header.loader_path) == nullptr)
            return wrong("sets: path of ld.so lies outside the strings", offsetof(SetsHeader, loader_path));
        if (view.preload() == nullptr)
            return wrong("sets: path of the shim lies outside the strings", offsetof(SetsHeader, preload));
        TRY(view.check_programs());
        return view;
    }

    const SetsHeader &header() const { return *header_; }
    ByteView bytes() const { return file_; }
    Span<const SetProgramRecord> programs() const { return programs_; }
    // NUL-terminated; nullptr where `ref` lies outside (never for refs that open() checked).
    const char *string(StringRef ref) const { return checked_string(strings_, ref); }
    const char *loader_path() const { return string(header_->loader_path); }
    const char *preload() const { return header_->preload.size != 0 ? string(header_->preload) : ""; }

    // Whether a program has a set; else its record tells the reason.
    static bool captured(const SetProgramRecord &program) { return program.blob_offset != 0; }
    // The program's blob as bytes; empty where it was rejected.
    ByteView blob(const SetProgramRecord &program) const {
        return captured(program) ? file_.part(program.blob_offset, program.blob_size) : ByteView();
    }
    Result<SetView> set(const SetProgramRecord &program) const {
        Result<SetView> opened = SetView::open(blob(program));
        if (!opened.ok())
            opened.error().where += program.blob_offset;
        else if (opened.value().bytes().size() != program.blob_size)
            return wrong("sets: a set's size differs from the table's", offset_of(&program));
        return opened;
    }

    // The record of a canonical path (binary search), or nullptr.
    const SetProgramRecord *find(const char *path) const {
        uint64_t low = 0;
        for (uint64_t high = programs_.size(); low < high;) {
            uint64_t middle = low + (high - low) / 2;
            int order = compare(string(programs_[middle].path), path);
            if (order == 0)
                return &programs_[middle];
            if (order < 0)
                low = middle + 1;
            else
                high = middle;
        }
        return nullptr;
    }

  private:
    static Error wrong(const char *what, uint64_t where) { return Error{22, what, where}; }
    uint64_t offset_of(const void *record) const {
        return static_cast<uint64_t>(static_cast<const unsigned char *>(record) - file_.data());
    }
    static int compare(const char *a, const char *b) {
        for (; *a != 0 && *a == *b; a++, b++) {
        }
        return static_cast<unsigned char>(*a) - static_cast<unsigned char>(*b);
    }

    Status check_programs() const {
        const char *previous = nullptr;
        for (const SetProgramRecord &program : programs_) {
            const char *path = string(program.path);
            if (path == nullptr || string(program.reason) == nullptr || string(program.detail) == nullptr)
                return wrong("sets: a program's text lies outside the strings", offset_of(&program));
            if (previous != nullptr && compare(previous, path) >= 0)
                return wrong("sets: programs are not sorted by path", offset_of(&program));
            previous = path;
            if (!captured(program))
                continue;
            if (!is_aligned(program.blob_offset, kPageSize) ||
                program.blob_offset < header_->file.body_offset ||
                program.blob_offset > header_->file.tree_offset ||
                program.blob_size > header_->file.tree_offset - program.blob_offset)
                return wrong("sets: a set lies outside the file's body", offset_of(&program));
        }
        return Success{};
    }

    ByteView file_, strings_;
    const SetsHeader *header_ = nullptr;
    Span<const SetProgramRecord> programs_;
};

} // namespace sharedregion
