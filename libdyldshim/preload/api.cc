// SPDX-License-Identifier: GPL-2.0-or-later
// The functions of include/sharedregion/shim.h.
#define DYLDSHIM_API [[gnu::visibility("default")]]
#include "libdyldshim/config.h"
#include "libdyldshim/preload/region_mark.h"
#include "libdyldshim/preload/set_lookup.h"
#include "libdyldshim/preload/tree.h"
#include "libdyldshim/shared/reason_word.h"
#include "libdyldshim/shared/start_record.h"
#include "libdyldshim/shared/syscalls.h"
#include "sharedregion/cache_format.h"
#include "sharedregion/file_identity.h"
#include "sharedregion/shim.h"
#include "sharedregion/units.h"

#include <link.h>
#include <sys/auxv.h>
#include <unistd.h>

using namespace sharedregion;

namespace {

struct RegionRange {
    uint64_t begin, size; // both 0: not prebuilt
    bool holds(uint64_t address) const { return address - begin < size; }
};

// The mark tells how far it lies from the region's first byte.
RegionRange own_region() {
    uint64_t offset = region_mark.region_offset;
    if (offset == 0)
        return {};
    return {reinterpret_cast<uint64_t>(&region_mark) - offset, region_mark.region_size};
}

// Whether the bytes at an address can be read, as the kernel sees it: it has to read a path there.
bool is_readable(uint64_t address) {
    return syscall3(__NR_access, address, F_OK) != -EFAULT;
}

// An object's segments, as dl_iterate_phdr(3) tells them.
dyldshim_image describe(const dl_phdr_info &info) {
    uint64_t begin = ~0ULL, end = 0;
    for (unsigned i = 0; i < info.dlpi_phnum; i++) {
        const Elf64_Phdr &phdr = info.dlpi_phdr[i];
        if (phdr.p_type != PT_LOAD)
            continue;
        uint64_t first = info.dlpi_addr + phdr.p_vaddr;
        begin = first < begin ? first : begin;
        end = first + phdr.p_memsz > end ? first + phdr.p_memsz : end;
    }
    begin = begin < end ? align_down(begin, kPageSize) : end;
    return {info.dlpi_name != nullptr ? info.dlpi_name : "", reinterpret_cast<const void *>(begin),
            reinterpret_cast<const void *>(end), own_region().holds(begin)};
}

// Why the shim would execute this program plainly, as far as it can be told afterwards: by the environment
// and the region as they are now. None: it would not.
JitReason reason_of_shim() {
    Tree tree;
    PathBuffer region;
    struct stat info;
    if (!read_tree(environ, &tree) || tree.reason != JitReason::None)
        return tree.reason;
    if (!region_path(tree, &region) || syscall3(__NR_access, as_word(region.text), R_OK) != 0)
        return JitReason::NoCache;
    return sys_stat(kOwnProgram, &info) != 0 || has_shim_set(region.text, identity_of(info))
               ? JitReason::None
               : JitReason::NoSet;
}

struct Visit {
    int (*visit)(const dyldshim_image *, void *);
    void *context;
};

int visit_object(dl_phdr_info *info, size_t, void *argument) {
    auto *visit = static_cast<Visit *>(argument);
    dyldshim_image image = describe(*info);
    return visit->visit(&image, visit->context);
}

struct Search {
    const void *address;
    dyldshim_image *found;
};

int compare_image(const dyldshim_image *image, void *argument) {
    auto *search = static_cast<Search *>(argument);
    if (search->address < image->begin || search->address >= image->end)
        return 0;
    *search->found = *image;
    return 1;
}

} // namespace

extern "C" {

int dyldshim_is_prebuilt(void) {
    return region_mark.region_offset != 0;
}

const char *dyldshim_jit_reason(void) {
    if (dyldshim_is_prebuilt())
        return reason_word(0);
    const uint64_t loader = getauxval(AT_BASE);
    const StartRecord *record = loader != 0 ? start_record(loader) : nullptr;
    const char *word =
        record != nullptr && record->magic == kStartRecordMagic ? reason_word(record->reason) : "";
    if (*word != 0)
        return word;
    const JitReason reason = reason_of_shim();
    return reason != JitReason::None ? reason_word(static_cast<uint32_t>(reason)) : "plain";
}

int dyldshim_cache_uuid(uint8_t uuid[16]) {
    const RegionRange region = own_region();
    if (region.size == 0 || !is_readable(region.begin + kCacheHeaderOffset))
        return -1;
    const auto *header = reinterpret_cast<const CacheHeader *>(region.begin + kCacheHeaderOffset);
    __builtin_memcpy(uuid, header->file.uuid.bytes, sizeof header->file.uuid);
    return 0;
}

int dyldshim_region(const void **begin, size_t *size) {
    const RegionRange region = own_region();
    if (region.size == 0)
        return -1;
    *begin = reinterpret_cast<const void *>(region.begin);
    *size = region.size;
    return 0;
}

int dyldshim_images(int (*visit)(const struct dyldshim_image *image, void *context), void *context) {
    Visit all = {visit, context};
    return dl_iterate_phdr(visit_object, &all);
}

int dyldshim_image_of(const void *address, struct dyldshim_image *image) {
    Search search = {address, image};
    return dyldshim_images(compare_image, &search) == 1 ? 0 : -1;
}
}
