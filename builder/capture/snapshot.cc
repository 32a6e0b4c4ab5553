// SPDX-License-Identifier: GPL-2.0-or-later
#include "builder/capture/snapshot.h"

#include "builder/capture/dont_care.h"
#include "sharedregion/units.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace sharedregion {

namespace {

// Below this, reading all pages is cheaper than asking which ones.
constexpr uint64_t kSmall = 64 * kPageSize;
// Documentation/admin-guide/mm/pagemap.rst
constexpr uint64_t kPresentOrSwapped = 3ULL << 62;

Result<Success, Rejection> add_present(const Tracee &tracee, uint64_t address, uint64_t first,
                                       PageSet *pages) {
    int fd = open(tracee.proc_path("pagemap").c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return rejected(RejectReason::NoTracing, std::string("/proc/PID/pagemap: ") + strerror(errno));
    std::vector<uint64_t> entries(16384);
    bool complete = true;
    for (uint64_t page = first; page < pages->count() && complete;) {
        uint64_t count = std::min<uint64_t>(entries.size(), pages->count() - page);
        auto offset = static_cast<off_t>((address / kPageSize + page - first) * 8);
        ssize_t size = pread(fd, entries.data(), count * 8, offset);
        complete = size == static_cast<ssize_t>(count * 8);
        for (uint64_t i = 0; i < count && complete; i++)
            if ((entries[i] & kPresentOrSwapped) != 0)
                pages->insert(page + i);
        page += count;
    }
    close(fd);
    if (!complete)
        return rejected(RejectReason::NoTracing, "/proc/PID/pagemap is not readable");
    return Success{};
}

} // namespace

Result<PageSet, Rejection> touched_pages(const Area &area, const StoppedRun &run) {
    PageSet pages(area.size / kPageSize);
    uint64_t anonymous = area.size - area.file_span;
    uint64_t first = area.file_span / kPageSize;
    pages.insert_range(0, anonymous <= kSmall ? pages.count() : first);
    if (anonymous > kSmall)
        TRY(add_present(run.tracee, area.address(run.values) + area.file_span, first, &pages));
    return pages;
}

Result<Success, Rejection> read_area(const Area &area, const StoppedRun &run, uint64_t first, uint64_t end,
                                     std::byte *out) {
    const uint64_t address = area.address(run.values) + first * kPageSize, size = (end - first) * kPageSize;
    TRY(run.tracee.read(address, out, size));
    const AddressRange here{address, address + size};
    for (uint64_t i = 0; i < std::size(kRseqWords); i++) {
        uint64_t at = run.log.rseq + i * 8;
        if (run.log.rseq != 0 && i * 8 < run.log.rseq_size && here.holds(at, 8))
            std::memcpy(out + (at - address), &kRseqWords[i], 8);
    }
    return Success{};
}

} // namespace sharedregion
