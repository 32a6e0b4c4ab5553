// SPDX-License-Identifier: GPL-2.0-or-later
// Whether a generation is still what a build would make now.
#pragma once

#include "daemon/activation/generation.h"

#include <set>
#include <vector>

namespace sharedregion {

// Why a build for exactly `programs` would give something else than `generation` (a word and what it is
// about); nullopt: nothing changed. `second_stage` is the file that a build would embed.
// `shim` is the path that a build would preload as well; empty: it would not.
std::optional<Stale> needs_build(const Generation &generation, const std::set<std::string> &programs,
                                 const std::string &second_stage, const std::string &shim);

// Libraries of the cache that are no longer the files that were cached.
std::vector<std::string> stale_libraries(const Generation &generation, FileCheck *files);

} // namespace sharedregion
