// SPDX-License-Identifier: GPL-2.0-or-later
// What is known about one program from the files alone (for list, show, why). The truth about a start
// is told by ld-dyld.so itself: that is `why`.
#pragma once

#include "daemon/activation/generation.h"
#include "daemon/state/active_region.h"

namespace sharedregion {

struct ProgramState {
    const char *word; // prebuilt, rejected (at build), stale (files changed), inactive (no activation has it)
    Stale why;        // not prebuilt: reason word and what it is about
};

// The state directory with its current generation and its activation.
struct OpenState {
    static Outcome<OpenState> open(const std::string &option);

    Outcome<ProgramState> state_of(const SetProgramRecord &record);

    StateDirectory directory;
    Generation generation;
    std::optional<ActiveRegion> region;
    FileCheck files;
};

} // namespace sharedregion
