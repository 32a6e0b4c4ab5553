// SPDX-License-Identifier: GPL-2.0-or-later
#include "builder/capture/move_loader.h"

#include "sharedregion/units.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <sys/mman.h>
#include <sys/syscall.h>

namespace sharedregion {

namespace {

// The mappings inside a range, as /proc/PID/maps lists them; mremap(2) wants one at a time.
Result<std::vector<AddressRange>, Rejection> mappings_in(const Tracee &tracee, const AddressRange &range) {
    std::unique_ptr<FILE, int (*)(FILE *)> maps(fopen(tracee.proc_path("maps").c_str(), "re"), fclose);
    if (maps == nullptr)
        return rejected(RejectReason::NoTracing, std::string("/proc/PID/maps: ") + strerror(errno));
    std::vector<AddressRange> found;
    char line[4352];
    while (fgets(line, sizeof line, maps.get()) != nullptr) {
        unsigned long long begin, end;
        if (sscanf(line, "%llx-%llx", &begin, &end) == 2 && end > range.begin && begin < range.end)
            found.push_back(
                AddressRange{std::max<uint64_t>(begin, range.begin), std::min<uint64_t>(end, range.end)});
    }
    return found;
}

} // namespace

Result<Success, Rejection> move_loader(const CaptureSubject &subject, Tracee *tracee, RunValues *values) {
    const AddressRange before = values->loader;
    const uint64_t target =
        values->of(FixupClass::Region) + subject.plan.images[subject.plan.loader].base.raw();
    const uint64_t gadget = before.begin + subject.loader.system_call;
    auto mappings = TRY(mappings_in(*tracee, before));
    // The one that the system calls are made from goes last.
    std::stable_partition(mappings.begin(), mappings.end(),
                          [&](const AddressRange &mapping) { return !mapping.holds(gadget); });
    for (const AddressRange &mapping : mappings) {
        const uint64_t size = mapping.end - mapping.begin, to = target + (mapping.begin - before.begin);
        uint64_t result = TRY(tracee->system_call(
            gadget, SYS_mremap, {mapping.begin, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to}));
        if (result != to)
            return rejected(RejectReason::NoTracing,
                            std::string("mremap of ld.so: ") + strerror(static_cast<int>(-result)));
    }
    values->loader = AddressRange{target, target + (before.end - before.begin)};
    user_regs_struct registers = TRY(tracee->registers());
    registers.rip += target - before.begin;
    return tracee->set_registers(registers);
}

} // namespace sharedregion
