// SPDX-License-Identifier: GPL-2.0-or-later
#include "libdyldshim/preload/set_lookup.h"

#include "libdyldshim/preload/kernel.h"
#include "sharedregion/region_format.h"
#include "sharedregion/set_format.h"

namespace sharedregion {
namespace {

bool read_header(int fd, RegionHeader *header) {
    return read_exactly(fd, header, sizeof *header, 0) &&
           equal_words<sizeof header->magic>(header->magic, kRegionMagic) &&
           header->version == kFormatVersion && header->header_size == sizeof *header &&
           header->index.size != 0;
}

bool is_set_of(int fd, const RegionIndexSlot &slot, const FileIdentity &file) {
    SetHeader set;
    return read_exactly(fd, &set, sizeof set, slot.blob_offset) && (set.flags & kSetWithShim) != 0 &&
           set.identity == file;
}

bool find(int fd, const FileIdentity &file) {
    RegionHeader header;
    if (!read_header(fd, &header))
        return false;
    const uint64_t key = file_key(file), mask = header.index.size - 1;
    // The index is at most half full: a few slots at a time are enough.
    constexpr uint64_t kSlots = 4;
    RegionIndexSlot slots[kSlots];
    for (uint64_t probe = 0; probe <= mask;) {
        uint64_t first = (key + probe) & mask;
        uint64_t count = header.index.size - first < kSlots ? header.index.size - first : kSlots;
        if (!read_exactly(fd, slots, count * sizeof slots[0], header.index.offset + first * sizeof slots[0]))
            return false;
        for (uint64_t i = 0; i < count; i++) {
            if (slots[i].key == 0)
                return false;
            if (slots[i].key == key && is_set_of(fd, slots[i], file))
                return true;
        }
        probe += count;
    }
    return false;
}

} // namespace

bool has_shim_set(const char *region_path, const FileIdentity &file) {
    int fd = sys_open(region_path);
    if (fd < 0)
        return false;
    bool found = find(fd, file);
    sys_close(fd);
    return found;
}

} // namespace sharedregion
