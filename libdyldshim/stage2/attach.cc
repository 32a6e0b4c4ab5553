// SPDX-License-Identifier: GPL-2.0-or-later
#include "libdyldshim/stage2/attach.h"

#include "libdyldshim/shared/syscalls.h"

namespace sharedregion {
namespace {

bool map_private(const Start &start, uint64_t offset, uint64_t size, int fd, uint64_t file_offset) {
    return size == 0 || !is_error(sys_mmap(start.region().base + offset, size, PROT_READ | PROT_WRITE,
                                           MAP_PRIVATE | MAP_FIXED, fd, file_offset));
}

bool map_anonymous(const Start &start, uint64_t offset, uint64_t size) {
    return size == 0 || !is_error(sys_mmap(start.region().base + offset, size, PROT_READ | PROT_WRITE,
                                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
}

bool is_mapped(const SetPageOp &op) {
    // Over the executable the kernel's own mappings stay, and content is copied into them.
    return static_cast<PageOpKind>(op.kind) == PageOpKind::Map &&
           static_cast<Space>(op.space) == Space::Region;
}

bool map_pages(const Start &start, const SetPageOp &op) {
    const LaunchRequest &request = *start.request;
    return map_private(start, op.offset, op.size, request.set_fd >= 0 ? request.set_fd : request.region_fd,
                       request.set_offset + op.blob_offset);
}

// The pieces that the kernel's region gave writable, for a walk over places in (mostly) rising order.
class WritableSpan {
  public:
    explicit WritableSpan(const LaunchRequest &request) : request_(request) {}

    // The first writable place in [begin, end), which reaches to `end` then; `end`: there is none. What a set
    // never writes was not asked for, and is read-only as it is.
    uint64_t first_in(uint64_t begin, uint64_t end) {
        for (uint32_t tried = 0; tried < request_.piece_count; tried++) {
            const WritablePiece &piece = request_.pieces[at_];
            uint64_t from = uint64_t{piece.page} * kPageSize;
            if (from < end && from + uint64_t{piece.count} * kPageSize > begin)
                return from > begin ? from : begin;
            at_ = at_ + 1 == request_.piece_count ? 0 : at_ + 1;
        }
        return end;
    }

  private:
    const LaunchRequest &request_;
    uint32_t at_ = 0;
};

// Whether the page operations cover the heap from its start without a hole: then they map it as a whole.
bool heap_is_covered(const Start &start) {
    uint64_t covered = start.region().heap_offset;
    for (const SetPageOp &op : start.set.page_ops())
        if (is_mapped(op) && op.offset <= covered && op.offset + op.size > covered)
            covered = op.offset + op.size;
    return covered >= start.region().heap_offset + start.set.header().heap_size;
}

} // namespace

bool attach_data(const Start &start) {
    const RegionHeader &region = start.region();
    for (const SetDataMap &map : start.set.data_maps())
        if (map.data_offset != kMappedByPages && start.is_own(map.offset) &&
            (!map_private(start, map.offset, map.size, start.request->region_fd,
                          region.data_offset + map.data_offset) ||
             !map_anonymous(start, map.offset + map.size, map.anon_size)))
            return false;
    if (!heap_is_covered(start) && !map_anonymous(start, region.heap_offset, start.set.header().heap_size))
        return false;
    for (const SetPageOp &op : start.set.page_ops())
        if (is_mapped(op) && !map_pages(start, op))
            return false;
    return true;
}

void copy_pages(const Start &start) {
    for (const SetPageOp &op : start.set.page_ops())
        if (!is_mapped(op))
            __builtin_memcpy(
                reinterpret_cast<void *>(start.base_of(static_cast<Space>(op.space)) + op.offset),
                start.set.pages(op).data(), op.size);
}

bool protect_pages(const Start &start) {
    WritableSpan writable(*start.request);
    for (const SetProtect &protect : start.set.protects()) {
        auto space = static_cast<Space>(protect.space);
        uint64_t begin = protect.offset, end = protect.offset + protect.size;
        if (space == Space::Region && !start.is_own(begin))
            begin = writable.first_in(begin, end);
        if (begin < end && sys_mprotect(start.base_of(space) + begin, end - begin, protect.protection) != 0)
            return false;
    }
    return true;
}

} // namespace sharedregion
