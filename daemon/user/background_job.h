// SPDX-License-Identifier: GPL-2.0-or-later
// A builder that ld-dyld.so started: it holds the lock of one set, which names the records of this attempt.
#pragma once

#include <string>

namespace sharedregion {

// ld-dyld.so leaves the lock of the program's set here.
inline constexpr int kLockDescriptor = 3;

// Keeps the lock from children.
void begin_background_job();

// Records a refusal ("WORD DETAIL"; empty: the set is there) under the lock's name, and removes the lock.
// Does nothing where the lock is gone: then who built did that.
void end_background_job(const std::string &refusal);

} // namespace sharedregion
