// SPDX-License-Identifier: GPL-2.0-or-later
#include "builder/capture/run.h"

#include "builder/capture/move_loader.h"
#include "builder/capture/process_facts.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <x86intrin.h>

namespace sharedregion {

namespace {

// ld.so's own words (elf/dl-lookup.c, elf/dl-load.c, elf/dl-version.c) for why it gives up.
Rejection explain_exit(const Stop &stop, const std::string &message) {
    std::string detail = message.substr(0, message.find('\n'));
    if (message.find("undefined symbol") != std::string::npos)
        return rejected(RejectReason::UnresolvedSymbol, detail);
    if (message.find("cannot open shared object file") != std::string::npos ||
        (message.find("version `") != std::string::npos && message.find("not found") != std::string::npos))
        return rejected(RejectReason::MissingLibrary, detail);
    if (!detail.empty())
        return rejected(RejectReason::Died, detail);
    if (stop.value >= 256)
        return rejected(RejectReason::Died, std::string("killed by ") + strsignal(stop.value - 256));
    return rejected(RejectReason::Died, "exit code " + std::to_string(stop.value));
}

// At the stop point the return register holds the program's entry, and the stack is as at the start.
Result<Success, Rejection> check_stop(const Tracee &tracee, const ProcessFacts &facts, uint64_t stop_point) {
    user_regs_struct registers = TRY(tracee.registers());
    bool here = registers.rip == stop_point || registers.rip == stop_point + 1; // +1: behind an int3
    if (!here || registers.rax != facts.entry || registers.rsp != facts.values.of(FixupClass::StackPointer))
        return rejected(RejectReason::StopPoint, "stopped elsewhere or with another state than expected");
    return Success{};
}

// Where mappings may be, as few ranges as possible: the kernel merges adjacent anonymous memory.
std::vector<AddressRange> expected_ranges(const StoppedRun &run) {
    std::vector<AddressRange> ranges = {run.values.program, run.values.loader, run.log.heap};
    const uint64_t region = run.values.of(FixupClass::Region);
    for (const PlannedImage *image : run.log.images) {
        uint64_t base = region + image->base.raw();
        ranges.push_back(AddressRange{base, base + image->size.raw()});
    }
    std::sort(ranges.begin(), ranges.end(), [](const auto &a, const auto &b) { return a.begin < b.begin; });
    std::vector<AddressRange> merged;
    for (const AddressRange &range : ranges) {
        if (!merged.empty() && merged.back().end >= range.begin)
            merged.back().end = std::max(merged.back().end, range.end);
        else
            merged.push_back(range);
    }
    return merged;
}

} // namespace

Result<StoppedRun, Rejection> run_to_stop_point(const CaptureSubject &subject, const Variation &variation) {
    uint64_t first_cycle = __rdtsc();
    Tracee tracee = TRY(Tracee::spawn(variation.spawn));
    ProcessFacts facts = TRY(read_process_facts(subject, variation, tracee));
    TRY(move_loader(subject, &tracee, &facts.values));
    const uint64_t stop_point = facts.values.loader.begin + subject.loader.resume;
    TRY(tracee.set_breakpoint(stop_point));
    Steering steering(subject.plan, variation.region_base, facts.values.program, facts.values.loader);
    for (bool stopped = false; !stopped;) {
        Stop stop = TRY(tracee.resume());
        if (stop.kind == StopKind::Exited)
            return explain_exit(stop, steering.log().message);
        if (stop.kind == StopKind::SystemCall)
            TRY(steering.handle(tracee));
        stopped = stop.kind == StopKind::Trap;
    }
    TRY(check_stop(tracee, facts, stop_point));
    facts.values.cycles = AddressRange{first_cycle, __rdtsc()};
    facts.values.files = steering.log().files;
    return StoppedRun{std::move(tracee), steering.log(), facts.values};
}

Result<Success, Rejection> check_mappings(const StoppedRun &run) {
    std::unique_ptr<FILE, int (*)(FILE *)> maps(fopen(run.tracee.proc_path("maps").c_str(), "re"), fclose);
    if (maps == nullptr)
        return rejected(RejectReason::NoTracing, std::string("/proc/PID/maps: ") + strerror(errno));
    const std::vector<AddressRange> expected = expected_ranges(run);
    char line[4352];
    while (fgets(line, sizeof line, maps.get()) != nullptr) {
        unsigned long long begin, end;
        char permissions[8];
        if (sscanf(line, "%llx-%llx %7s", &begin, &end, permissions) != 3)
            return rejected(RejectReason::NoTracing, "/proc/PID/maps is not readable");
        bool known = strstr(line, " [v") != nullptr || strstr(line, " [stack]") != nullptr;
        for (const AddressRange &range : expected)
            known = known || range.holds(begin, end - begin);
        if (!known)
            return rejected(RejectReason::UnexpectedMapping, std::string(line, strcspn(line, "\n")));
    }
    return Success{};
}

uint32_t address_order(const RunValues &values) {
    const uint64_t region = values.of(FixupClass::Region), vdso = values.of(FixupClass::Vdso);
    uint32_t order = 0;
    order |= region > values.program.begin ? kOrderRegionAboveProgram : 0;
    order |= vdso > region ? kOrderVdsoAboveRegion : 0;
    return order;
}

} // namespace sharedregion
