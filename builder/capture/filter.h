// SPDX-License-Identifier: GPL-2.0-or-later
// Which system calls of a captured program stop it: a seccomp(2) filter, so that the harmless ones of
// ld.so (half of them) cost nothing.
#pragma once

#include <linux/filter.h>

namespace sharedregion {

// Calls that only look are let through; all others give a SECCOMP_RET_TRACE stop before they run.
const sock_fprog *system_call_filter();

} // namespace sharedregion
