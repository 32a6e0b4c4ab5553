// SPDX-License-Identifier: GPL-2.0-or-later
// What the kernel module tells: the region of the caller's environment, and (to root) all regions with their
// counters.
#pragma once

#include "daemon/dyldctl/command.h"

namespace sharedregion {

// "device": false where there is none, else "region" (null: not configured) and, where debugfs can be read,
// "regions".
Outcome<Json> kernel_status();
void print_kernel(const Json &json);

} // namespace sharedregion
