// SPDX-License-Identifier: GPL-2.0-or-later
// /dev/shared_region, the kernel module's device.
#pragma once

#include "daemon/files/unique_fd.h"
#include "sharedregion/failure.h"

namespace sharedregion {

// Whether the machine has the device.
bool is_module_loaded();

// The same where the caller may open it. (That they may configure, only trying tells.)
bool has_region_device();

// Whether programs of this root directory have it: another one (other_root.h) may have no /dev, or something
// else of that name.
bool programs_have_region_device();

// ENODEV, with what to do.
Failure no_module();

// The machine's, whatever the root directory has under that name: the kernel takes the environment from the
// caller. Errors: no_module(), or why it cannot be opened.
Outcome<UniqueFd> open_region_device();

} // namespace sharedregion
