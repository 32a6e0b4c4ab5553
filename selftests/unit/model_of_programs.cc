// SPDX-License-Identifier: GPL-2.0-or-later
// See model_of_programs.h.
#include "selftests/unit/model_of_programs.h"

#include <cstdlib>
#include <gtest/gtest.h>
#include <sys/mman.h>

namespace sharedregion::testing {

bool make_model(const std::vector<std::string> &programs, bool lay_out, CacheModel *model) {
    NoProgress progress;
    BuilderOptions options;
    options.programs = programs;
    Done inputs = calculate_inputs(options, model, progress);
    if (!inputs.ok()) {
        ADD_FAILURE() << inputs.error().message();
        return false;
    }
    estimate_optimizations(model);
    if (!lay_out)
        return true;
    Done layout = create_sub_caches(model);
    if (!layout.ok())
        ADD_FAILURE() << layout.error().message();
    return layout.ok();
}

bool make_bound_model(const std::vector<std::string> &programs, const NamedFile &cache, CacheModel *model) {
    NoProgress progress;
    if (!make_model(programs, true, model))
        return false;
    auto bound = run_image_passes(model, cache, progress);
    if (!bound.ok())
        ADD_FAILURE() << bound.error().message();
    return bound.ok();
}

FileDescriptor unnamed_file() {
    return FileDescriptor(memfd_create("test", MFD_CLOEXEC));
}

std::string binder_fixture(const std::string &name) {
    return "out/fixtures/binder/" + name;
}

const CacheImage *find_image(const CacheModel &model, const std::string &soname) {
    for (const CacheImage &image : model.images)
        if (image.soname == soname)
            return &image;
    ADD_FAILURE() << "no image " << soname;
    return nullptr;
}

std::string make_temporary_directory() {
    std::string path = ::testing::TempDir() + "sharedregion-XXXXXX";
    return mkdtemp(path.data()) != nullptr ? path : "";
}

} // namespace sharedregion::testing
