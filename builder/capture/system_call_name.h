// SPDX-License-Identifier: GPL-2.0-or-later
// Names of x86-64 system calls for messages.
#pragma once

#include <cstdint>
#include <string>

namespace sharedregion {

// The name of a call that code before the first constructor has been seen or can be expected to make;
// "system call N" for others.
std::string system_call_name(uint64_t number);

} // namespace sharedregion
