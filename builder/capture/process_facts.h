// SPDX-License-Identifier: GPL-2.0-or-later
// The classes' values of a process, read when it is stopped behind execve.
#pragma once

#include "builder/capture/run.h"

namespace sharedregion {

// What the kernel gave the new process.
struct ProcessFacts {
    RunValues values;
    uint64_t entry; // AT_ENTRY: what _dl_start must return
};

Result<ProcessFacts, Rejection> read_process_facts(const CaptureSubject &subject, const Variation &variation,
                                                   const Tracee &tracee);

} // namespace sharedregion
