// SPDX-License-Identifier: GPL-2.0-or-later
// Which memory of a stopped process a set has to bring about: everything writable that ld.so may have
// written, by space.
#pragma once

#include "builder/capture/run.h"

namespace sharedregion {

struct Area {
    Space space;
    uint64_t begin; // page-aligned, relative to the space
    uint64_t size;
    uint64_t file_span; // the first bytes, mapped from a file; the rest is anonymous
    const std::vector<std::byte> *content = nullptr; // Program: the file part before it was written
    const PlannedImage *image = nullptr;             // of a library or ld.so; nullptr: executable or heap
    bool is_loader = false;                          // ld.so's

    uint64_t address(const RunValues &values) const { return values.of(space) + begin; }
    // "libc.so.6", "program" or "heap", for messages.
    std::string name() const;
    bool operator==(const Area &) const = default;
};

// All areas of a run, sorted by (space, begin). Two runs of a program have equal ones.
Result<std::vector<Area>, Rejection> find_areas(const CaptureSubject &subject, const StoppedRun &run);

} // namespace sharedregion
