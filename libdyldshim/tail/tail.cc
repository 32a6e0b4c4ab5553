// SPDX-License-Identifier: GPL-2.0-or-later
#include "libdyldshim/shared/tail.h"

#include "libdyldshim/shared/kernel_region.h"
#include "libdyldshim/shared/start_record.h"
#include "libdyldshim/shared/syscalls.h"
#include "libdyldshim/tail/background.h"
#include "libdyldshim/tail/direct.h"
#include "libdyldshim/tail/genuine.h"
#include "libdyldshim/tail/own_set.h"
#include "libdyldshim/tail/report.h"

namespace sharedregion {
namespace {

void close_region_file(const LaunchRequest &request) {
    if (request.set_mapping_size != 0)
        sys_munmap(request.set_mapping, request.set_mapping_size);
    if (request.region != nullptr)
        sys_munmap(as_word(request.region), kRegionWindow);
    if (request.set_fd >= 0)
        sys_close(request.set_fd);
    if (request.region_fd >= 0)
        sys_close(request.region_fd);
}

void leave_record(const PlainStart &start) {
    if (StartRecord *record = start_record(start.request.loader_base))
        *record = {kStartRecordMagic, static_cast<uint32_t>(start.reason)};
}

} // namespace

extern "C" uint64_t tail_main(PlainStart *start) {
    if (start->reason == JitReason::Secure)
        leave_secure(*start);
    if (start->reason == JitReason::Direct) {
        start_directly(start);
    } else {
        start->reason = try_own_set(*start, &start->request);
        start->reason = build_in_background(*start, &start->request);
    }
    report_jit(*start);                   // before the region file goes: the detail may lie in it
    if (start->request.region != nullptr) // where it was not opened, nobody knows what the placeholder is
        drop_placeholder(*start->request.region);
    close_region_file(start->request);
    leave_record(*start);
    return genuine_entry(start->args, *start->request.config, start->request.loader_base);
}

} // namespace sharedregion
