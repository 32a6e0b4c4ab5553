// SPDX-License-Identifier: GPL-2.0-or-later
// The genuine ld.so after an upgrade: ld.so and libc.so.6 are one unit (GLIBC_PRIVATE), so a copy of
// an old ld.so must not start anything once the machine's own was replaced.
#pragma once

#include "libdyldshim/config.h"
#include "libdyldshim/shared/start_args.h"

namespace sharedregion {

// Address at which a plain start goes on: the genuine entry point in this file, or, where the machine's
// ld.so is not the one that this file was made from any more, the entry point of that newer ld.so,
// mapped here and told to the auxiliary vector.
uint64_t genuine_entry(const StartArgs &args, const LoaderConfig &config, uint64_t loader_base);

} // namespace sharedregion
