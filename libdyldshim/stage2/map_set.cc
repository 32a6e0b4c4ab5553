// SPDX-License-Identifier: GPL-2.0-or-later
#include "libdyldshim/stage2/map_set.h"

#include "libdyldshim/shared/syscalls.h"

namespace sharedregion {

const void *map_set(LaunchRequest *request) {
    if (request->set_fd >= 0)
        return reinterpret_cast<const void *>(request->set_mapping + request->set_offset);
    if (request->set_offset + request->set_size <= kRegionWindow)
        return reinterpret_cast<const void *>(as_word(request->region) + request->set_offset);
    if (request->set_mapping_size != 0)
        sys_munmap(request->set_mapping, request->set_mapping_size);
    request->set_mapping_size = 0;
    long mapped =
        sys_mmap(0, request->set_size, PROT_READ, MAP_PRIVATE, request->region_fd, request->set_offset);
    if (is_error(mapped))
        return nullptr;
    request->set_mapping = static_cast<uint64_t>(mapped);
    request->set_mapping_size = request->set_size;
    return reinterpret_cast<const void *>(mapped);
}

} // namespace sharedregion
