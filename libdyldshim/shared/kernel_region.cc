// SPDX-License-Identifier: GPL-2.0-or-later
#include "libdyldshim/shared/kernel_region.h"

#include "libdyldshim/shared/syscalls.h"
#include "sharedregion/units.h"
#include "uapi/linux/shared_region.h"

namespace sharedregion {
namespace {

static_assert(sizeof(WritablePiece) == sizeof(shared_region_request));
static_assert(offsetof(WritablePiece, page) == offsetof(shared_region_request, page));

// Only the region of this very activation, at the base that the region file was written for.
bool check(int device, const LaunchRequest &request) {
    shared_region_check check;
    __builtin_memset(&check, 0, sizeof check);
    check.size = sizeof check;
    check.flags = SHARED_REGION_CHECK_UUID | SHARED_REGION_CHECK_SPARSE | SHARED_REGION_CHECK_EAGER;
    check.limit = align_up(request.text_size, kLargePageSize);
    check.requests = as_word(request.pieces);
    check.request_count = request.piece_count;
    __builtin_memcpy(check.uuid, request.region->uuid.bytes, sizeof check.uuid);
    return syscall3(__NR_ioctl, static_cast<unsigned>(device), SHARED_REGION_CHECK, as_word(&check)) == 0;
}

bool is_readable(uint64_t address) {
    return syscall3(__NR_access, address, F_OK) != -EFAULT;
}

} // namespace

bool attach_kernel_region(LaunchRequest *request) {
    request->in_kernel = false;
    if ((request->region->flags & kRegionInKernel) == 0 || request->private_region ||
        request->piece_count == 0)
        return false;
    int device = sys_openat(AT_FDCWD, SHARED_REGION_DEVICE, O_RDWR | O_CLOEXEC);
    if (device < 0)
        return false;
    request->in_kernel = check(device, *request);
    sys_close(device);
    return request->in_kernel;
}

// Nothing of the program has run, so only the kernel can have mapped anything: what has no gap (MS_ASYNC does
// nothing but ask, mm/msync.c) and cannot be read at both ends holds neither the program nor its stack.
bool drop_placeholder(const RegionHeader &region) {
    const uint64_t size = kernel_size(region);
    // (The gap first: most starts have no placeholder, and ask no more than this.)
    if ((region.flags & kRegionInKernel) == 0 || syscall3(__NR_msync, region.base, size, MS_ASYNC) != 0 ||
        is_readable(region.base) || is_readable(region.base + size - kPageSize))
        return false;
    sys_munmap(region.base, size);
    return true;
}

} // namespace sharedregion
