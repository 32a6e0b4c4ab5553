// SPDX-License-Identifier: GPL-2.0-or-later
// The word that the debug hook (debug_hook.h) jumps through, as a word of the set.
#pragma once

#include "builder/capture/debug_hook.h"
#include "builder/capture/model.h"

namespace sharedregion {

// Makes the hook's slot hold the address of _dl_debug_state in ld-dyld.so. Nothing where there is no hook.
Result<Success, Rejection> apply_debug_slot(const DebugHook &hook, Model *model);

} // namespace sharedregion
