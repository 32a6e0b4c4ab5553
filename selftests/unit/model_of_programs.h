// SPDX-License-Identifier: GPL-2.0-or-later
// A CacheModel of real programs for tests: phases 1 to 5 of a build, nothing captured, nothing named.
#pragma once

#include "builder/phases/phases.h"

#include <string>
#include <vector>

namespace sharedregion::testing {

class NoProgress : public Progress {
    void report(uint64_t, uint64_t, const char *) override {}
};

// Phases 1 and 2, and 3 where `lay_out`. Adds a test failure and returns false where a phase fails.
bool make_model(const std::vector<std::string> &programs, bool lay_out, CacheModel *model);
// All up to phase 5, the text written into `cache` (an empty file).
bool make_bound_model(const std::vector<std::string> &programs, const NamedFile &cache, CacheModel *model);

// An empty file without a name.
FileDescriptor unnamed_file();
// A fixture of out/fixtures/binder.
std::string binder_fixture(const std::string &name);
// The image with a soname; a test failure and nullptr where there is none.
const CacheImage *find_image(const CacheModel &model, const std::string &soname);
std::string make_temporary_directory();

} // namespace sharedregion::testing
