// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/activation/region_writer.h"

#include "daemon/activation/kernel_region.h"
#include "daemon/files/other_root.h"
#include "daemon/files/unique_fd.h"
#include "sharedregion/machine.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <numeric>

namespace sharedregion {

namespace {

using Bytes = std::vector<unsigned char>;

// Writes pages at their place and leaves zero pages out.
class SparseFile {
  public:
    SparseFile(int fd, const std::string &path) : fd_(fd), path_(path) {}

    Done resize(uint64_t size) const {
        if (ftruncate(fd_, size) != 0)
            return failure(errno, size);
        return Success{};
    }

    Done write(uint64_t offset, const unsigned char *data, uint64_t size) const {
        for (uint64_t at = 0; at < size;) {
            uint64_t length = run_length(data + at, size - at);
            if (!is_zero(data + at, std::min(length, kPageSize)))
                TRY(write_all(offset + at, data + at, length));
            at += length;
        }
        return Success{};
    }

  private:
    static bool is_zero(const unsigned char *data, uint64_t size) {
        return size == 0 || (data[0] == 0 && std::memcmp(data, data + 1, size - 1) == 0);
    }

    // Bytes until the kind of page (zero or not) changes.
    static uint64_t run_length(const unsigned char *data, uint64_t size) {
        bool zero = is_zero(data, std::min(size, kPageSize));
        uint64_t at = 0;
        while (at < size && is_zero(data + at, std::min(size - at, kPageSize)) == zero)
            at += std::min(size - at, kPageSize);
        return at;
    }

    Done write_all(uint64_t offset, const unsigned char *data, uint64_t size) const {
        while (size != 0) {
            ssize_t done = pwrite(fd_, data, size, offset);
            if (done < 0 && errno == EINTR)
                continue;
            if (done <= 0)
                return failure(done == 0 ? EIO : errno, offset);
            offset += done;
            data += done;
            size -= done;
        }
        return Success{};
    }

    Failure failure(int code, uint64_t offset) const {
        Failure failed = Failure::system(code, path_, "cannot write");
        if (code == ENOSPC || code == EDQUOT)
            failed.what += "; free memory in this tmpfs or build for fewer programs";
        failed.where = offset;
        return failed;
    }

    int fd_;
    const std::string &path_;
};

// Where each part of the file lies; data area and sets begin on a page. The strings come right behind the
// header: every start reads both, and so faults in one page. Sets come before the data, the smallest first:
// so that those of programs which start fastest lie in the window that each start maps.
struct Layout {
    uint64_t index_offset, index_slots, pieces_offset, data_offset, sets_offset, sets_size, strings_offset,
        file_size;
    std::vector<uint64_t> blob_offsets;
    std::vector<WritablePiece> pieces;  // of all sets, one set after the other
    std::vector<uint64_t> first_pieces; // of each set: where its own begin; one more at the end
};

bool is_with_shim(const SetView &set) {
    return (set.header().flags & kSetWithShim) != 0;
}

// Each with its NUL.
std::string strings(const RegionPlan &plan) {
    return plan.cache_path + '\0' + plan.shim_path + '\0';
}

void collect_pieces(const RegionPlan &plan, Layout *layout) {
    OwnArea own = own_area(plan.generation->cache());
    for (const SetView &set : plan.sets) {
        layout->first_pieces.push_back(layout->pieces.size());
        for (const WritablePiece &piece :
             plan.in_kernel ? writable_pieces(set, own) : std::vector<WritablePiece>())
            layout->pieces.push_back(piece);
    }
    layout->first_pieces.push_back(layout->pieces.size());
}

std::vector<size_t> smallest_first(const std::vector<SetView> &sets) {
    std::vector<size_t> order(sets.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return sets[a].bytes().size() < sets[b].bytes().size(); });
    return order;
}

Layout plan_layout(const RegionPlan &plan) {
    Layout layout = {};
    layout.strings_offset = sizeof(RegionHeader);
    layout.index_offset = align_up(layout.strings_offset + strings(plan).size(), sizeof(uint64_t));
    // At most half full, so that probing for a program that has no set ends soon.
    uint64_t used = plan.sets.size();
    for (const SetView &set : plan.sets)
        used += is_with_shim(set);
    for (layout.index_slots = 2; layout.index_slots < 2 * used; layout.index_slots *= 2) {
    }
    collect_pieces(plan, &layout);
    layout.pieces_offset = layout.index_offset + layout.index_slots * sizeof(RegionIndexSlot);
    layout.sets_offset =
        align_up(layout.pieces_offset + layout.pieces.size() * sizeof(WritablePiece), kPageSize);
    uint64_t end = layout.sets_offset;
    layout.blob_offsets.resize(plan.sets.size());
    for (size_t i : smallest_first(plan.sets)) {
        layout.blob_offsets[i] = end;
        end += plan.sets[i].bytes().size();
    }
    layout.sets_size = end - layout.sets_offset;
    layout.data_offset = end;
    layout.file_size = end + plan.generation->cache().header().data_size;
    return layout;
}

// ld-dyld.so reads index and pieces through its window.
Done check_index(const RegionPlan &plan, const Layout &layout) {
    if (layout.sets_offset <= kRegionWindow)
        return Success{};
    return Failure::about(plan.generation->sets_path(), "names more programs than one region can hold (" +
                                                            std::to_string(plan.sets.size()) +
                                                            "); build for fewer");
}

bool has_vdso_of(const Environment &built) {
    Environment machine = {};
    UniqueFd auxv(open_of_machine("/proc/self/auxv", O_RDONLY));
    return built.vdso_hash != 0 && read_machine(auxv.get(), &machine) && machine.vdso_hash == built.vdso_hash;
}

RegionHeader make_header(const RegionPlan &plan, const Layout &layout) {
    const CacheHeader &cache = plan.generation->cache().header();
    RegionHeader header = {};
    std::memcpy(header.magic, kRegionMagic, sizeof header.magic);
    header.version = kFormatVersion;
    header.header_size = sizeof(RegionHeader);
    header.file_size = layout.file_size;
    header.uuid = plan.uuid;
    header.cache_uuid = cache.file.uuid;
    header.base = plan.base.raw();
    header.mapped_size = cache.mapped_size;
    header.heap_offset = cache.heap_offset;
    header.heap_size = cache.heap_size;
    header.region_size = cache.region_size;
    header.loader_entry = cache.loader_entry;
    header.loader_size = static_cast<uint32_t>(cache.loader_size);
    header.data_offset = layout.data_offset;
    header.data_size = cache.data_size;
    header.index = Extent{layout.index_offset, layout.index_slots};
    header.sets = Extent{layout.sets_offset, layout.sets_size};
    header.strings = Extent{layout.strings_offset, strings(plan).size()};
    header.pieces = Extent{layout.pieces_offset, layout.pieces.size()};
    OwnArea own = own_area(plan.generation->cache());
    header.own_begin = own.begin;
    header.own_end = own.end;
    header.cache_path = StringRef{0, uint32_t(plan.cache_path.size())};
    header.shim_path = StringRef{uint32_t(plan.cache_path.size() + 1), uint32_t(plan.shim_path.size())};
    header.cache = plan.generation->cache_identity();
    header.environment = plan.generation->sets().header().environment;
    header.flags =
        (plan.in_kernel ? kRegionInKernel : 0) | (has_vdso_of(header.environment) ? kRegionVdsoChecked : 0);
    return header;
}

uint64_t text_size(const RegionPlan &plan, const SetView &set) {
    uint64_t size = set.header().text_size;
    return size != 0 ? size : plan.generation->cache().header().mapped_size;
}

std::vector<RegionIndexSlot> make_index(const RegionPlan &plan, const Layout &layout) {
    std::vector<RegionIndexSlot> slots(layout.index_slots);
    auto add = [&](uint64_t key, size_t i) {
        uint64_t at = key;
        while (slots[at & (slots.size() - 1)].key != 0)
            at++;
        slots[at & (slots.size() - 1)] =
            RegionIndexSlot{key,
                            layout.blob_offsets[i],
                            plan.sets[i].bytes().size(),
                            text_size(plan, plan.sets[i]),
                            layout.pieces_offset + layout.first_pieces[i] * sizeof(WritablePiece),
                            layout.first_pieces[i + 1] - layout.first_pieces[i]};
    };
    for (size_t i = 0; i < plan.sets.size(); i++) {
        add(plan.keys[i], i);
        if (is_with_shim(plan.sets[i]))
            add(file_key(plan.sets[i].header().identity), i);
    }
    return slots;
}

void slide_word(unsigned char *word, VMAddress base) {
    uint64_t value;
    std::memcpy(&value, word, sizeof value);
    value += base.raw();
    std::memcpy(word, &value, sizeof value);
}

std::vector<uint64_t> decode_words(Span<const uint64_t> relr) {
    std::vector<uint64_t> words;
    relr_for_each(relr, [&](uint64_t offset) { words.push_back(offset); });
    if (!std::is_sorted(words.begin(), words.end()))
        std::sort(words.begin(), words.end());
    return words;
}

// Inputs: the cache's data segments, unslid, and its list of words. Outputs: the data area in the file.
// Invariant: each word of the list was slid once, in one segment.
Done write_data_area(const RegionPlan &plan, const Layout &layout, const SparseFile &file) {
    const CacheView &cache = plan.generation->cache();
    std::vector<uint64_t> words = decode_words(cache.slide());
    uint64_t slid = 0;
    for (const CacheSegmentRecord &segment : cache.segments()) {
        if (segment.kind != uint32_t(SegmentKind::Data) || segment.data_span == 0)
            continue;
        ByteView data = cache.data(segment);
        Bytes copy(data.data(), data.data() + data.size());
        auto word = std::lower_bound(words.begin(), words.end(), segment.data_begin);
        for (; word != words.end() && *word + 8 <= segment.data_begin + copy.size(); ++word, slid++)
            slide_word(&copy[*word - segment.data_begin], plan.base);
        TRY(file.write(layout.data_offset + segment.data_offset, copy.data(), copy.size()));
    }
    if (slid != words.size())
        return Failure::about(plan.generation->cache_path(),
                              "a word to slide lies outside data; build it again",
                              cache.header().slide.offset);
    return Success{};
}

Done write_sets(const RegionPlan &plan, const Layout &layout, const SparseFile &file) {
    for (size_t i = 0; i < plan.sets.size(); i++) {
        ByteView blob = plan.sets[i].bytes();
        Bytes copy(blob.data(), blob.data() + blob.size());
        for (uint64_t word : decode_words(plan.sets[i].slide()))
            slide_word(&copy[word], plan.base);
        TRY(file.write(layout.blob_offsets[i], copy.data(), copy.size()));
    }
    return Success{};
}

} // namespace

Outcome<uint64_t> write_region(const RegionPlan &plan, int fd, const std::string &path) {
    Layout layout = plan_layout(plan);
    TRY(check_index(plan, layout));
    SparseFile file(fd, path);
    if (!plan.in_kernel) // without pieces the sets lie elsewhere
        TRY(file.resize(0));
    TRY(file.resize(layout.file_size));
    TRY(write_data_area(plan, layout, file));
    TRY(write_sets(plan, layout, file));
    std::vector<RegionIndexSlot> index = make_index(plan, layout);
    TRY(file.write(layout.index_offset, reinterpret_cast<const unsigned char *>(index.data()),
                   index.size() * sizeof index[0]));
    TRY(file.write(layout.pieces_offset, reinterpret_cast<const unsigned char *>(layout.pieces.data()),
                   layout.pieces.size() * sizeof layout.pieces[0]));
    const std::string text = strings(plan);
    TRY(file.write(layout.strings_offset, reinterpret_cast<const unsigned char *>(text.data()), text.size()));
    RegionHeader header = make_header(plan, layout);
    TRY(file.write(0, reinterpret_cast<const unsigned char *>(&header), sizeof header));
    return layout.file_size;
}

} // namespace sharedregion
