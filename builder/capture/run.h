// SPDX-License-Identifier: GPL-2.0-or-later
// One run of the program with the genuine ld.so, up to the stop point.
#pragma once

#include "builder/capture/loader_image.h"
#include "builder/capture/run_values.h"

namespace sharedregion {

// What is captured: fixed for all runs of one program.
struct CaptureSubject {
    const ProgramFile &program;
    const LoaderImage &loader;
    const SteeringPlan &plan;
    unsigned timeout_ms;
    std::string preload; // LD_PRELOAD; empty: none
};

// Everything that a run varies: strings, counts, limits, the CPU, the region's base. Two variations
// differ in all of it.
struct Variation {
    SpawnOptions spawn;
    uint64_t region_base;
};
inline constexpr unsigned kVariations = 3;
// `lazy`: as variation `index`, but without LD_BIND_NOW (and with equal sizes on the stack).
Variation make_variation(const CaptureSubject &subject, unsigned index, bool lazy = false);

// A process that has reached the stop point, with what it did and what its classes' values are.
struct StoppedRun {
    Tracee tracee;
    SteerLog log;
    RunValues values;
};

Result<StoppedRun, Rejection> run_to_stop_point(const CaptureSubject &subject, const Variation &variation);

// Rejects a process that has anything mapped but the program, ld.so, planned images, the loader
// heap and what the kernel gives every process.
Result<Success, Rejection> check_mappings(const StoppedRun &run);

// The address order of _dl_find_object: kOrder* bits.
uint32_t address_order(const RunValues &values);

} // namespace sharedregion
