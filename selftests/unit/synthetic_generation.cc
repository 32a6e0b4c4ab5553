// SPDX-License-Identifier: GPL-2.0-or-later
#include "selftests/unit/synthetic_generation.h"

#include "daemon/files/mapped_file.h"
#include "sharedregion/hash_tree.h"
#include "sharedregion/relr.h"
#include "sharedregion/units.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace sharedregion {

namespace {

using Bytes = std::vector<unsigned char>;

// Bytes that grow at the end.
class Writer {
  public:
    explicit Writer(Bytes *bytes) : bytes_(bytes) {}
    uint64_t size() const { return bytes_->size(); }
    void align(uint64_t alignment) { bytes_->resize(align_up(size(), alignment)); }
    template <class T> uint64_t add(const T *items, size_t count) {
        align(8);
        uint64_t at = size();
        const auto *data = reinterpret_cast<const unsigned char *>(items);
        bytes_->insert(bytes_->end(), data, data + count * sizeof(T));
        return at;
    }

  private:
    Bytes *bytes_;
};

class Strings {
  public:
    StringRef add(const std::string &text) {
        StringRef ref = {uint32_t(bytes_.size()), uint32_t(text.size())};
        bytes_.insert(bytes_.end(), text.c_str(), text.c_str() + text.size() + 1);
        return ref;
    }
    const std::vector<char> &bytes() const { return bytes_; }

  private:
    std::vector<char> bytes_;
};

void put_word(Bytes *bytes, uint64_t at, uint64_t value) {
    std::memcpy(bytes->data() + at, &value, sizeof value);
}

// Appends the leaves and fills the header.
void seal(Bytes *bytes, uint64_t header_offset, uint64_t body_offset) {
    uint64_t tree = bytes->size();
    std::vector<Sha256> leaves = hash_blocks(ByteView(bytes->data() + body_offset, tree - body_offset));
    seal_file_header(bytes->data(), header_offset, tree, leaves);
    Writer(bytes).add(leaves.data(), leaves.size());
}

CacheHeader base_header() {
    CacheHeader header = {};
    std::memcpy(header.file.magic, kCacheMagic, sizeof kCacheMagic);
    header.file.version = kFormatVersion;
    header.file.header_size = sizeof header;
    header.file.body_offset = kPageSize;
    header.mapped_size = kSynMapped;
    header.heap_offset = kSynHeap;
    header.heap_size = kSynHeapSize;
    header.loader_entry = kSynLoader;
    header.loader_size = 64;
    header.data_size = kSynDataSize;
    return header;
}

std::vector<CacheSegmentRecord> make_segments() {
    CacheSegmentRecord text = {}, data = {};
    text.offset = kSynText;
    text.file_size = text.mem_size = 0x2000;
    text.flags = 5;
    data.offset = kSynData;
    data.file_size = data.mem_size = data.data_span = kSynDataSize;
    data.kind = uint32_t(SegmentKind::Data);
    data.flags = 6;
    data.data_begin = kSynData;
    data.relro_size = kPageSize;
    return {text, data};
}

uint32_t add_string(Writer *writer, const std::string &text) {
    // Strings need no alignment; add() aligns to 8, which is fine.
    return uint32_t(writer->add(text.c_str(), text.size() + 1));
}

// Header, tables, strings, one page of content for the library's data and one for the heap.
Bytes make_blob(const SyntheticGeneration &generation, const SyntheticProgram &program) {
    Bytes bytes(sizeof(SetHeader));
    Writer writer(&bytes);
    SetHeader header = {};
    header.magic = kSetMagic;
    header.version = kFormatVersion;
    header.key = program.key;
    header.identity = identity_of_path(program.path);
    header.heap_size = kPageSize;
    header.fs_base = kSynHeap + 0x100;
    header.tid_address = kSynHeap + 0x108;
    header.text_size = kSynMapped;
    header.resume = 0x1000;
    header.path = add_string(&writer, program.path);
    SetDependency dependency = {identity_of_path(generation.library), add_string(&writer, generation.library),
                                0};
    header.dependencies = {uint32_t(writer.add(&dependency, 1)), 1};
    std::vector<uint32_t> absent;
    for (const std::string &path : program.absent)
        absent.push_back(add_string(&writer, path));
    header.absent = {uint32_t(writer.add(absent.data(), absent.size())), uint32_t(absent.size())};
    SetDataMap map = {kSynData, kSynDataSize, 0, 0};
    header.data_maps = {uint32_t(writer.add(&map, 1)), 1};
    uint64_t word = kSynData + 0x18;
    SetFixupList list = {uint32_t(Space::Region), uint32_t(FixupClass::Canary),
                         Table{uint32_t(writer.add(&word, 1)), 1}};
    header.fixups = {uint32_t(writer.add(&list, 1)), 1};
    SetProtect protect = {uint32_t(Space::Region), 1, kSynData, kPageSize};
    header.protects = {uint32_t(writer.add(&protect, 1)), 1};

    // The places of operations and slid words depend on where the metadata ends: room for both first.
    uint64_t ops_at = writer.add(Bytes(2 * sizeof(SetPageOp)).data(), 2 * sizeof(SetPageOp));
    uint64_t slide_at = writer.add(Bytes(8).data(), 8);
    bytes.push_back(0);
    header.metadata_size = bytes.size();
    writer.align(kPageSize);
    uint64_t pages = bytes.size();
    bytes.resize(pages + 2 * kPageSize);
    put_word(&bytes, pages + 0x20, kSynValueA);         // slides
    put_word(&bytes, pages + kPageSize + 0x40, 0x1234); // a constant in the heap
    SetPageOp ops[] = {
        {uint32_t(Space::Region), uint32_t(PageOpKind::Copy), kSynData + 0x1000, kPageSize, pages},
        {uint32_t(Space::Region), uint32_t(PageOpKind::Map), kSynHeap, kPageSize, pages + kPageSize}};
    std::memcpy(bytes.data() + ops_at, ops, sizeof ops);
    put_word(&bytes, slide_at, pages + 0x20);
    header.page_ops = {uint32_t(ops_at), 2};
    header.slide = {uint32_t(slide_at), 1};
    header.size = bytes.size();
    std::memcpy(bytes.data(), &header, sizeof header);
    return bytes;
}

SetsHeader make_sets_header(const SyntheticGeneration &generation, const Uuid &cache_uuid) {
    SetsHeader header = {};
    std::memcpy(header.file.magic, kSetsMagic, sizeof kSetsMagic);
    header.file.version = kFormatVersion;
    header.file.header_size = sizeof header;
    header.file.body_offset = kPageSize;
    header.cache_uuid = cache_uuid;
    header.environment = generation.machine;
    header.environment.loader = identity_of_path(generation.loader_path);
    header.environment.loader_cache = identity_of_path("/etc/ld.so.cache");
    header.environment.loader_preload = identity_of_path("/etc/ld.so.preload");
    return header;
}

} // namespace

Bytes make_synthetic_cache(const SyntheticGeneration &generation) {
    Bytes bytes(kSynMapped);
    for (uint64_t at = kSynText; at < kSynData; at++)
        bytes[at] = at * 7;
    put_word(&bytes, kSynSlideA, kSynValueA);
    put_word(&bytes, kSynSlideB, kSynValueB);
    std::memset(bytes.data() + kSynLoader, 0x90, 64);
    CacheHeader header = base_header();
    header.region_size = generation.region_size;
    Writer writer(&bytes);
    Strings strings;
    CacheImageRecord image = {};
    image.path = strings.add(generation.library);
    image.soname = strings.add("libsynthetic.so");
    image.identity = identity_of_path(generation.library);
    image.base = kSynText;
    image.size = kSynLoader - kSynText;
    std::vector<CacheSegmentRecord> segments = make_segments();
    image.segment_count = segments.size();
    CacheExportRecord symbol = {};
    symbol.name = strings.add("synthetic");
    symbol.version = strings.add("");
    symbol.value = kSynText;
    std::vector<uint64_t> slide;
    relr_encode(std::vector<uint64_t>{kSynSlideA, kSynSlideB}, &slide);
    header.images = {writer.add(&image, 1), 1};
    header.segments = {writer.add(segments.data(), segments.size()), segments.size()};
    header.exports = {writer.add(&symbol, 1), 1};
    header.slide = {writer.add(slide.data(), slide.size()), slide.size()};
    header.strings = {writer.add(strings.bytes().data(), strings.bytes().size()), strings.bytes().size()};
    writer.align(8);
    std::memcpy(bytes.data() + kCacheHeaderOffset, &header, sizeof header);
    seal(&bytes, kCacheHeaderOffset, kPageSize);
    return bytes;
}

Bytes make_synthetic_sets(const SyntheticGeneration &generation, const Uuid &cache_uuid) {
    Bytes bytes(kPageSize);
    Writer writer(&bytes);
    Strings strings;
    SetsHeader header = make_sets_header(generation, cache_uuid);
    header.loader_path = strings.add(generation.loader_path);
    std::vector<SyntheticProgram> programs = generation.programs;
    std::sort(programs.begin(), programs.end(), [](auto &a, auto &b) { return a.path < b.path; });
    std::vector<SetProgramRecord> records;
    for (const SyntheticProgram &program : programs) {
        SetProgramRecord record = {};
        record.path = strings.add(program.path);
        record.identity = identity_of_path(program.path);
        record.key = program.key;
        record.reason = strings.add(program.reject);
        record.detail = strings.add("");
        if (program.reject.empty()) {
            Bytes blob = make_blob(generation, program);
            writer.align(kPageSize);
            record.blob_offset = writer.add(blob.data(), blob.size());
            record.blob_size = blob.size();
        }
        records.push_back(record);
    }
    header.programs = {writer.add(records.data(), records.size()), records.size()};
    header.strings = {writer.add(strings.bytes().data(), strings.bytes().size()), strings.bytes().size()};
    writer.align(8);
    std::memcpy(bytes.data(), &header, sizeof header);
    seal(&bytes, 0, kPageSize);
    return bytes;
}

bool write_synthetic_generation(const SyntheticGeneration &generation, const std::string &directory) {
    mkdir(directory.c_str(), 0755);
    Bytes cache = make_synthetic_cache(generation);
    Uuid uuid = reinterpret_cast<const CacheHeader *>(cache.data() + kCacheHeaderOffset)->file.uuid;
    Bytes sets = make_synthetic_sets(generation, uuid);
    return write_file(directory + "/shared_cache", cache.data(), cache.size()) &&
           write_file(directory + "/sets", sets.data(), sets.size());
}

void reseal(Bytes *file, uint64_t header_offset) {
    file->resize(reinterpret_cast<const FileHeader *>(file->data() + header_offset)->tree_offset);
    seal(file, header_offset, kPageSize);
}

bool write_file(const std::string &path, const void *data, size_t size) {
    FILE *file = fopen(path.c_str(), "w");
    if (file == nullptr)
        return false;
    bool written = fwrite(data, 1, size, file) == size;
    return (fclose(file) == 0) && written;
}

Bytes read_whole_file(const std::string &path) {
    Bytes bytes;
    FILE *file = fopen(path.c_str(), "r");
    if (file == nullptr)
        return bytes;
    unsigned char buffer[4096];
    for (size_t size; (size = fread(buffer, 1, sizeof buffer, file)) != 0;)
        bytes.insert(bytes.end(), buffer, buffer + size);
    fclose(file);
    return bytes;
}

} // namespace sharedregion
