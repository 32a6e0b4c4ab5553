// SPDX-License-Identifier: GPL-2.0-or-later
#include "libdyldshim/shared/region_file.h"

#include "libdyldshim/shared/strings.h"
#include "libdyldshim/shared/syscalls.h"
#include "sharedregion/state_names.h"
#include "sharedregion/units.h"

namespace sharedregion {
namespace {

// Whether an open file is owned by root or the caller, writable by the owner only, and not empty.
bool trusted(int fd, const StartArgs &args) {
    struct stat st;
    return sys_fstat(fd, &st) == 0 && st.st_size != 0 &&
           (st.st_uid == 0 || st.st_uid == args.value(AT_EUID)) && (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

// Opens active/region of a state directory from the environment.
JitReason open_in_state(const StartArgs &args, const char *state, int *fd) {
    int directory = sys_openat(AT_FDCWD, state, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return JitReason::NoCache;
    JitReason reason = JitReason::Untrusted;
    if (*state == '/' && trusted(directory, args)) {
        *fd = sys_openat(directory, kRegionName, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        if (*fd < 0 || trusted(*fd, args))
            reason = JitReason::None;
    }
    sys_close(directory);
    return reason;
}

bool header_fits(const RegionHeader &header) {
    return equal_words<sizeof header.magic>(header.magic, kRegionMagic) && header.version == kFormatVersion &&
           header.header_size == sizeof header;
}

} // namespace

JitReason open_region_file(const StartArgs &args, const char *state, LaunchRequest *request) {
    if (state != nullptr) {
        JitReason reason = open_in_state(args, state, &request->region_fd);
        if (reason != JitReason::None)
            return reason;
    } else {
        request->region_fd =
            sys_open(reinterpret_cast<const char *>(request->loader_base + request->config->region_path));
    }
    if (request->region_fd < 0)
        return JitReason::NoCache;
    // A place that is probably free, as ld.so is the lowest mapping so far, and that suits large pages.
    uint64_t wish = align_down(request->loader_base - kRegionWindow, kLargePageSize);
    long mapped = sys_mmap(wish, kRegionWindow, PROT_READ, MAP_PRIVATE, request->region_fd, 0);
    if (is_error(mapped))
        return JitReason::AddressSpace;
    request->region = reinterpret_cast<const RegionHeader *>(mapped);
    return header_fits(*request->region) ? JitReason::None : JitReason::Format;
}

bool find_set(uint64_t key, uint64_t *probe, LaunchRequest *request) {
    uint64_t start = as_word(request->region);
    const auto *slots = reinterpret_cast<const RegionIndexSlot *>(start + request->region->index.offset);
    uint64_t mask = request->region->index.size - 1;
    while (*probe <= mask) {
        const RegionIndexSlot &slot = slots[(key + (*probe)++) & mask];
        if (slot.key == 0)
            break;
        if (slot.key == key) {
            request->set_offset = slot.blob_offset;
            request->set_size = slot.blob_size;
            request->text_size = slot.text_size;
            request->pieces = reinterpret_cast<const WritablePiece *>(start + slot.pieces);
            request->piece_count = static_cast<uint32_t>(slot.piece_count);
            return true;
        }
    }
    return false;
}

} // namespace sharedregion
