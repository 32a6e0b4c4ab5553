// SPDX-License-Identifier: GPL-2.0-or-later
#include "libdyldshim/shared/cache_text.h"

#include "libdyldshim/shared/kernel_region.h"
#include "libdyldshim/shared/same_file.h"
#include "libdyldshim/shared/syscalls.h"

namespace sharedregion {
namespace {

long map_text(const LaunchRequest &request) {
    return sys_mmap(request.region->base, request.text_size, PROT_READ | PROT_EXEC,
                    MAP_PRIVATE | MAP_FIXED_NOREPLACE, request.cache_fd, 0);
}

// Maps the cache's text where the region lies: as much of it as the set needs.
JitReason map_cache(const LaunchRequest &request) {
    long mapped = map_text(request);
    if (mapped == -EEXIST && drop_placeholder(*request.region))
        mapped = map_text(request);
    if (!is_error(mapped))
        return JitReason::None;
    // Other errors than these two are about the file; EPERM: it lies on a noexec file system.
    return mapped == -EEXIST || mapped == -ENOMEM ? JitReason::AddressSpace : JitReason::CacheFile;
}

// Whether the open cache is the very file that activation verified, not rewritten since.
bool is_cache_of(const RegionHeader &region, int fd) {
    struct stat st;
    return sys_fstat(fd, &st) == 0 && is_same_file(st, region.cache);
}

// The second stage; what it leaves behind is taken away.
JitReason enter(LaunchRequest *request) {
    const RegionHeader &region = *request->region;
    JitReason reason = reinterpret_cast<SecondStage>(region.base + region.loader_entry)(request);
    sys_munmap(region.base, request->in_kernel ? kernel_size(region) : region.region_size);
    return reason;
}

} // namespace

JitReason try_set(LaunchRequest *request) {
    const RegionHeader &region = *request->region;
    if (attach_kernel_region(request))
        return enter(request);
    request->detail =
        reinterpret_cast<const char *>(&region) + region.strings.offset + region.cache_path.offset;
    request->cache_fd = sys_open(request->detail);
    JitReason reason = JitReason::CacheFile;
    if (request->cache_fd < 0)
        return reason;
    if (is_cache_of(region, request->cache_fd))
        reason = map_cache(*request);
    if (reason == JitReason::None)
        reason = enter(request);
    sys_close(request->cache_fd);
    return reason;
}

} // namespace sharedregion
