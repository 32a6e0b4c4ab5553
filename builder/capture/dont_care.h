// SPDX-License-Identifier: GPL-2.0-or-later
// Words that differ between runs, belong to no class, and do not matter: each with its reason and
// with a test that a word of another meaning does not pass. All are in ld.so's own data.
#pragma once

#include "builder/capture/classify.h"

namespace sharedregion {

// ld.so's rdtsc statistics (elf/rtld.c: start_time, relocate_time, load_time): read only by
// LD_DEBUG=statistics, which always gives plain ld.so. Only inside ld.so's data, and only what the
// tracer's own rdtsc brackets: a time between start and stop point, or a duration shorter than that.
bool is_cycle_count(bool in_loader, uint64_t word, const RunValues &run);
inline constexpr unsigned kMaxCycleCounts = 3;

// ld.so's copy of CPUID leaf 1 EBX (cpu_features.c): bits 24-31 are the initial APIC id of the CPU
// that ran it (Intel SDM vol. 2A, CPUID). Nobody reads them; stored as 0, so that a set does not depend on
// where its capture happened to run. Only where the half word equals what that CPU gives the tracer.
bool is_apic_id(bool in_loader, uint32_t half, const RunValues &run);
inline constexpr uint32_t kApicIdBits = 0xff000000;

// ld.so's `cache_new` (elf/dl-cache.c) still points into the ld.so.cache that _dl_unload_cache has
// unmapped; _dl_load_cache_lookup maps it again before use because `cache` is null. Stored as 0.
bool is_file_pointer(bool in_loader, uint64_t word, const RunValues &run);

// ld.so's own __curbrk: its sbrk asks the kernel when it is 0 (misc/sbrk.c), so 0 is stored and no
// set needs a brk(2).
bool is_loader_break(bool in_loader, uint64_t word, const RunValues &run);

// struct rseq (linux/rseq.h) belongs to the kernel once it is registered; before that, glibc has
// cpu_id = RSEQ_CPU_ID_UNINITIALIZED (-1) and zero elsewhere. This is what is stored.
inline constexpr uint64_t kRseqWords[4] = {0xffffffff00000000, 0, 0, 0};

// CPUID leaf 1 EBX of a CPU that the calling thread may run on; 0 where that cannot be found out.
uint32_t cpuid_1_ebx(int cpu);
// The CPUs that the calling thread may run on.
std::vector<int> allowed_cpus();

} // namespace sharedregion
