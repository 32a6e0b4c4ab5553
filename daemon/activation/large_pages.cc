// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/activation/large_pages.h"

#include "daemon/files/other_root.h"
#include "daemon/files/unique_fd.h"

#include <cinttypes>
#include <cstdio>
#include <fcntl.h>
#include <set>
#include <sys/mman.h>
#include <vector>

// <linux/mman.h>, for older libc headers.
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

namespace sharedregion {

namespace {

// A file at a multiple of 2 MiB, with the wish for large pages. Invalid where it cannot be mapped.
class LargeMapping {
  public:
    LargeMapping(int fd, uint64_t size, int protection, int sharing)
        : span_(align_up(size, kLargePageSize) + kLargePageSize) {
        reserved_ = mmap(nullptr, span_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (reserved_ == MAP_FAILED)
            return;
        auto *aligned =
            static_cast<char *>(reserved_) + (-reinterpret_cast<uintptr_t>(reserved_) & (kLargePageSize - 1));
        void *mapped = mmap(aligned, align_up(size, kLargePageSize), protection, sharing | MAP_FIXED, fd, 0);
        if (mapped == MAP_FAILED)
            return;
        at_ = aligned;
        (void)madvise(at_, align_up(size, kLargePageSize), MADV_HUGEPAGE);
    }
    LargeMapping(const LargeMapping &) = delete;
    ~LargeMapping() {
        if (reserved_ != MAP_FAILED)
            munmap(reserved_, span_);
    }
    bool valid() const { return at_ != nullptr; }

    bool is_cached(uint64_t offset) const {
        unsigned char resident = 0;
        return mincore(at_ + offset, kPageSize, &resident) == 0 && (resident & 1) != 0;
    }
    // One page fault: a large page comes whole. (madvise, since an access could end in SIGBUS.)
    void touch(uint64_t offset) const { (void)madvise(at_ + offset, kPageSize, MADV_POPULATE_READ); }
    void collapse(uint64_t offset) const { (void)madvise(at_ + offset, kLargePageSize, MADV_COLLAPSE); }

    // Bytes that large pages map, from /proc/self/smaps (Documentation/filesystems/proc.rst).
    uint64_t large_bytes() const {
        FILE *smaps = fopen_of_machine("/proc/self/smaps");
        if (smaps == nullptr)
            return 0;
        uint64_t kilobytes = 0, begin, end;
        bool ours = false;
        for (char line[512]; fgets(line, sizeof line, smaps) != nullptr;) {
            if (sscanf(line, "%" SCNx64 "-%" SCNx64 " ", &begin, &end) == 2)
                ours = begin == reinterpret_cast<uintptr_t>(at_);
            else if (ours && sscanf(line, "FilePmdMapped: %" SCNu64, &kilobytes) == 1)
                break;
        }
        fclose(smaps);
        return kilobytes * 1024;
    }

  private:
    uint64_t span_;
    void *reserved_ = MAP_FAILED;
    char *at_ = nullptr;
};

// Offsets of the slots that hold text alone.
std::vector<uint64_t> text_slots(const CacheView &cache) {
    std::set<uint64_t> text, data;
    for (const CacheSegmentRecord &segment : cache.segments()) {
        bool is_data = segment.kind == uint32_t(SegmentKind::Data);
        uint64_t end = segment.offset + segment.mem_size;
        for (uint64_t at = align_down(segment.offset, kLargePageSize); at < end; at += kLargePageSize)
            (is_data ? data : text).insert(at);
    }
    std::vector<uint64_t> slots;
    for (uint64_t slot : text)
        if (data.count(slot) == 0 && slot + kLargePageSize <= cache.header().mapped_size)
            slots.push_back(slot);
    return slots;
}

// Invalid where it cannot be opened: no large pages then.
UniqueFd open_text(const std::string &path) {
    Outcome<UniqueFd> fd = open_regular_inside(AT_FDCWD, path, O_RDONLY, path);
    return fd.ok() ? std::move(fd.value()) : UniqueFd();
}

class TextFile {
  public:
    explicit TextFile(const Generation &generation)
        : bytes_(generation.cache().bytes()), slots_(text_slots(generation.cache())),
          mapped_size_(generation.cache().header().mapped_size), fd_(open_text(generation.cache_path())) {}

    LargeText result(uint64_t large) const { return LargeText{slots_.size() * kLargePageSize, large}; }
    bool is_all(uint64_t large) const { return large >= slots_.size() * kLargePageSize; }

    // `work` is done to each slot through a fresh mapping; returns what large pages then map.
    template <class Work> uint64_t with_each_slot(Work work) const {
        // MADV_COLLAPSE wants executable mappings up to Linux 6.6; a noexec file system allows none.
        LargeMapping executable(fd_.get(), mapped_size_, PROT_READ | PROT_EXEC, MAP_PRIVATE);
        if (!executable.valid())
            return 0;
        for (uint64_t slot : slots_)
            work(executable, slot);
        return executable.large_bytes();
    }

    // Takes the file out of the page cache, as far as no process maps it.
    void drop() const {
        (void)madvise(const_cast<unsigned char *>(bytes_.data()), bytes_.size(), MADV_DONTNEED);
        (void)posix_fadvise(fd_.get(), 0, 0, POSIX_FADV_DONTNEED);
    }

  private:
    // Not looked at after drop(): that would read small pages again.
    ByteView bytes_;
    std::vector<uint64_t> slots_;
    uint64_t mapped_size_;
    UniqueFd fd_;
};

void touch_cached(const LargeMapping &text, uint64_t slot) {
    if (text.is_cached(slot))
        text.touch(slot);
}

void touch(const LargeMapping &text, uint64_t slot) {
    text.touch(slot);
}

void collapse_and_touch(const LargeMapping &text, uint64_t slot) {
    text.collapse(slot);
    touch_cached(text, slot);
}

} // namespace

LargeText count_large_text(const Generation &generation) {
    TextFile file(generation);
    return file.result(file.with_each_slot(touch_cached));
}

LargeText make_text_large(const Generation &generation) {
    TextFile file(generation);
    uint64_t large = file.with_each_slot(touch_cached);
    if (!file.is_all(large))
        large = file.with_each_slot(collapse_and_touch);
    if (!file.is_all(large)) {
        file.drop();
        large = file.with_each_slot(touch);
    }
    return file.result(large);
}

void make_file_large(int fd, uint64_t size) {
    LargeMapping mapping(fd, size, PROT_READ, MAP_SHARED);
    if (!mapping.valid())
        return;
    for (uint64_t at = 0; at < size; at += kLargePageSize)
        mapping.collapse(at);
}

} // namespace sharedregion
