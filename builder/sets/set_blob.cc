// SPDX-License-Identifier: GPL-2.0-or-later
// build_set_blob(): one program's set as bytes. docs/set-format.md has the layout.
#include "builder/sets/sets.h"

#include "builder/sets/page_runs.h"
#include "builder/support/records.h"
#include "sharedregion/elf_view.h"
#include "sharedregion/relr.h"
#include "sharedregion/set_view.h"

#include <algorithm>

namespace sharedregion {

namespace {

// Header, strings and tables. Strings come first, so that tables can name them as they are written.
class MetadataWriter {
  public:
    MetadataWriter() : bytes_(sizeof(SetHeader)) {}

    uint32_t add_string(const std::string &text) {
        auto offset = static_cast<uint32_t>(bytes_.size());
        for (char c : text)
            bytes_.push_back(static_cast<std::byte>(c));
        bytes_.push_back(std::byte(0));
        return offset;
    }
    template <class T> Table add_table(const std::vector<T> &records) {
        bytes_.resize(align_up(bytes_.size(), 8));
        auto offset = static_cast<uint32_t>(bytes_.size());
        for (const T &record : records)
            append_record(&bytes_, record);
        return Table{offset, static_cast<uint32_t>(records.size())};
    }
    // The last byte ends the last string for a reader that trusts nothing (SetView::open).
    void finish() { bytes_.resize(align_up(bytes_.size() + 1, 8)); }
    uint64_t size() const { return bytes_.size(); }
    std::vector<std::byte> take() { return std::move(bytes_); }

  private:
    std::vector<std::byte> bytes_;
};

// All libraries. ld.so is compared by its build-id (check_loader() of the second stage), since at its path
// there may be ld-dyld.so.
std::vector<SetDependency> dependencies(const ProgramCapture &capture, const CacheLayout &layout,
                                        MetadataWriter *writer) {
    std::vector<SetDependency> records;
    for (size_t i = 0; i < capture.images.size(); i++) {
        if (capture.images[i] == layout.loader)
            continue;
        const ImageDataMaps &image = layout.images[capture.images[i]];
        const std::string &path = i < capture.opened.size() ? capture.opened[i] : image.path;
        records.push_back(SetDependency{image.identity, writer->add_string(path), capture.images[i]});
    }
    return records;
}

std::vector<uint32_t> absent_paths(const ProgramCapture &capture, MetadataWriter *writer) {
    std::vector<uint32_t> offsets;
    for (const std::string &path : capture.absent)
        offsets.push_back(writer->add_string(path));
    return offsets;
}

std::vector<SetDataMap> data_maps(const ProgramCapture &capture, const CacheLayout &layout,
                                  const PageRuns &runs) {
    std::vector<SetDataMap> maps;
    for (uint32_t index : capture.images)
        for (SetDataMap map : layout.images[index].maps) {
            if (runs.map_all(map.offset, map.size + map.anon_size))
                map.data_offset = kMappedByPages;
            maps.push_back(map);
        }
    std::sort(maps.begin(), maps.end(),
              [](const SetDataMap &a, const SetDataMap &b) { return a.offset < b.offset; });
    return maps;
}

std::vector<SetFixupList> fixup_lists(const ProgramCapture &capture, MetadataWriter *writer) {
    std::vector<SetFixupList> lists;
    for (const auto &[key, offsets] : capture.fixups) {
        std::vector<uint64_t> entries;
        if (is_narrow(key.second))
            entries = offsets;
        else
            relr_encode(offsets, &entries);
        lists.push_back(SetFixupList{static_cast<uint32_t>(key.first), static_cast<uint32_t>(key.second),
                                     writer->add_table(entries)});
    }
    return lists;
}

uint64_t text_size(const ProgramCapture &capture, const CacheLayout &layout) {
    uint64_t end = layout.loader_end.raw();
    for (uint32_t index : capture.images)
        end = std::max(end, layout.images[index].end.raw());
    return align_up(end, kPageSize);
}

SetHeader make_header(const ProgramCapture &capture, const CacheLayout &layout) {
    SetHeader header = {};
    header.magic = kSetMagic;
    header.version = kFormatVersion;
    header.key = program_key(capture.build_id, capture.phdr_hash);
    if (capture.with_shim)
        header.key = shim_key(header.key);
    header.phdr_hash = capture.phdr_hash;
    header.build_id = capture.build_id;
    header.identity = capture.identity;
    header.flags = (capture.build_id.size != 0 ? kSetHasBuildId : 0) |
                   (capture.path_dependent ? kSetPathDependent : 0) | (capture.with_shim ? kSetWithShim : 0);
    header.order = capture.order;
    header.rseq_signature = capture.rseq_signature;
    header.text_size = text_size(capture, layout);
    header.heap_size = capture.heap_used.raw();
    header.fs_base = capture.fs_base.raw();
    header.tid_address = capture.tid_address.raw();
    header.robust_list = capture.robust_list.raw();
    header.robust_list_size = capture.robust_list_size;
    header.rseq = capture.rseq.raw();
    header.rseq_size = capture.rseq_size;
    header.resume = capture.resume.raw();
    header.debug_state = capture.debug_state;
    return header;
}

// Page operations whose blob offsets count from the first page; the slide list likewise.
struct PageTables {
    std::vector<SetPageOp> ops;
    std::vector<uint64_t> slide; // offsets of words
};

PageTables page_tables(const std::vector<PageRun> &runs) {
    PageTables tables;
    uint64_t at = 0;
    for (const PageRun &run : runs) {
        const uint64_t size = run.pages.size() * kPageSize;
        tables.ops.push_back(SetPageOp{static_cast<uint32_t>(run.space), static_cast<uint32_t>(run.kind),
                                       run.offset, size, at});
        for (const CapturedPage *page : run.pages) {
            for (uint16_t word : page == nullptr ? std::vector<uint16_t>() : page->slide)
                tables.slide.push_back(at + word);
            at += kPageSize;
        }
    }
    return tables;
}

// The tables that name page offsets are sized before those offsets are known: RELR of the same
// words moved by a constant has the same number of entries.
void move_pages(uint64_t begin, PageTables *tables, std::vector<uint64_t> *slide) {
    for (SetPageOp &op : tables->ops)
        op.blob_offset += begin;
    for (uint64_t &entry : *slide)
        if ((entry & 1) == 0)
            entry += begin;
}

template <class T>
void store(const Table &table, const std::vector<T> &records, std::vector<std::byte> *blob) {
    if (!records.empty())
        std::memcpy(blob->data() + table.offset, records.data(), records.size() * sizeof(T));
}

void append_pages(const std::vector<PageRun> &runs, std::vector<std::byte> *blob) {
    uint64_t at = blob->size();
    uint64_t count = 0;
    for (const PageRun &run : runs)
        count += run.pages.size();
    blob->resize(at + count * kPageSize);
    for (const PageRun &run : runs)
        for (const CapturedPage *page : run.pages) {
            if (page != nullptr)
                std::memcpy(blob->data() + at, page->content.data(), kPageSize);
            at += kPageSize;
        }
}

} // namespace

std::vector<std::byte> build_set_blob(const ProgramCapture &capture, const CacheLayout &layout,
                                      const BaseContent &base) {
    const PageRuns runs(capture, layout, base);
    PageTables pages = page_tables(runs.runs());
    std::vector<uint64_t> slide;
    relr_encode(pages.slide, &slide);

    MetadataWriter writer;
    SetHeader header = make_header(capture, layout);
    header.path = writer.add_string(capture.path);
    std::vector<SetDependency> libraries = dependencies(capture, layout, &writer);
    std::vector<uint32_t> absent = absent_paths(capture, &writer);
    header.dependencies = writer.add_table(libraries);
    header.absent = writer.add_table(absent);
    header.data_maps = writer.add_table(data_maps(capture, layout, runs));
    header.page_ops = writer.add_table(pages.ops);
    header.fixups = writer.add_table(fixup_lists(capture, &writer));
    header.protects = writer.add_table(capture.protects);
    header.slide = writer.add_table(slide);
    writer.finish();

    header.metadata_size = writer.size();
    const uint64_t pages_begin = align_up(header.metadata_size, kPageSize);
    move_pages(pages_begin, &pages, &slide);
    std::vector<std::byte> blob = writer.take();
    store(header.page_ops, pages.ops, &blob);
    store(header.slide, slide, &blob);
    blob.resize(pages_begin);
    append_pages(runs.runs(), &blob);
    header.size = blob.size();
    std::memcpy(blob.data(), &header, sizeof header);
    return blob;
}

} // namespace sharedregion
