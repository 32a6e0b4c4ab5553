// SPDX-License-Identifier: GPL-2.0-or-later
// shared-cache dump
#include "builder/cli/commands.h"

namespace sharedregion {
int run_dump(const DumpArguments &) {
    return kExitFailure;
}
} // namespace sharedregion
