// SPDX-License-Identifier: GPL-2.0-or-later
#include "builder/capture/dont_care.h"

#include <cpuid.h>
#include <map>
#include <mutex>
#include <sched.h>
#include <thread>

namespace sharedregion {

bool is_cycle_count(bool in_loader, uint64_t word, const RunValues &run) {
    constexpr uint64_t kShortest = 1000; // no step of ld.so is that fast; small counters are no times
    if (!in_loader || word < kShortest)
        return false;
    return run.cycles.holds(word) || word < run.cycles.end - run.cycles.begin;
}

bool is_apic_id(bool in_loader, uint32_t half, const RunValues &run) {
    return in_loader && run.cpuid_1_ebx != 0 && half == run.cpuid_1_ebx;
}

bool is_file_pointer(bool in_loader, uint64_t word, const RunValues &run) {
    return in_loader && run.files.holds(word);
}

bool is_loader_break(bool in_loader, uint64_t word, const RunValues &run) {
    return in_loader && word == run.of(FixupClass::ProgramBreak);
}

std::vector<int> allowed_cpus() {
    cpu_set_t set;
    std::vector<int> cpus;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
            if (CPU_ISSET(static_cast<unsigned>(cpu), &set))
                cpus.push_back(cpu);
    return cpus;
}

namespace {

uint32_t ask_cpu(int cpu) {
    uint32_t answer = 0;
    // A thread of its own: the caller's affinity is not ours to change.
    std::thread asker([&] {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(static_cast<unsigned>(cpu), &set);
        unsigned eax, ebx, ecx, edx;
        if (sched_setaffinity(0, sizeof set, &set) == 0 && __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0)
            answer = ebx;
    });
    asker.join();
    return answer;
}

} // namespace

uint32_t cpuid_1_ebx(int cpu) {
    static std::mutex mutex;
    static std::map<int, uint32_t> known;
    if (cpu < 0)
        return 0;
    std::lock_guard<std::mutex> lock(mutex);
    auto [entry, is_new] = known.try_emplace(cpu, 0);
    if (is_new)
        entry->second = ask_cpu(cpu);
    return entry->second;
}

} // namespace sharedregion
