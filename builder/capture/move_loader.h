// SPDX-License-Identifier: GPL-2.0-or-later
// ld.so's own place in the region.
#pragma once

#include "builder/capture/run.h"

namespace sharedregion {

// Before its first instruction, moves ld.so from where the kernel mapped it to its planned base, so that all
// it computes about itself is of class Region. It finds its own address from the instruction pointer
// (glibc sysdeps/x86_64/dl-machine.h, elf_machine_load_address), never from AT_BASE.
// `values->loader`: in: where it is; out: where it went.
Result<Success, Rejection> move_loader(const CaptureSubject &subject, Tracee *tracee, RunValues *values);

} // namespace sharedregion
