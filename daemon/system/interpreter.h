// SPDX-License-Identifier: GPL-2.0-or-later
// Interpreter substitution by the kernel module: programs of this root directory start by STATE/ld-dyld.so.
//
// Concerns every program of the system, so that nothing is set before a program has been started by that very
// file, and it is taken back if the first one that the kernel starts so does not end well.
#pragma once

#include "daemon/state/state.h"

#include <optional>

namespace sharedregion {

// As in PT_INTERP of every dynamic x86-64 program (psABI).
inline constexpr char kProgramInterpreter[] = "/lib64/ld-linux-x86-64.so.2";

struct Substitution {
    bool in_force;           // false: one of the two files changed since it was set
    uint64_t substituted;    // programs started so
    std::string replacement; // path of the ld-dyld.so; empty: an older module does not tell
};

// Errors: ENODEV (no module), what is missing in the state, what the test program did.
Done set_substitution(const StateDirectory &state);

// Fine where none is set, or where there is no module.
Done clear_substitution();

// nullopt: none is set, or there is no module.
Outcome<std::optional<Substitution>> query_substitution();

// Everything that set_substitution() looks at before it changes something.
Done check_substitution(const StateDirectory &state);

} // namespace sharedregion
