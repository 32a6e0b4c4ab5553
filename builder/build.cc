// SPDX-License-Identifier: GPL-2.0-or-later
// The table of contents of a build.
#include "builder/build.h"

#include "builder/phases/phases.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <tbb/global_control.h>
#include <tbb/info.h>

namespace sharedregion {

namespace {

class PhaseClock {
  public:
    explicit PhaseClock(BuildReport *report) : report_(*report) {}
    void ends(const char *phase) {
        auto now = std::chrono::steady_clock::now();
        report_.seconds.emplace_back(phase, std::chrono::duration<double>(now - begin_).count());
        begin_ = now;
    }

  private:
    BuildReport &report_;
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

// Writes `sets` and, where they were asked for, those with the shim. Returns the size of the files.
Outcome<uint64_t> write_sets(const BuilderOptions &options, const CacheModel &model,
                             std::vector<ProgramOutcome> outcomes) {
    Environment environment = TRY(read_environment(options.interpreter));
    auto with_shim = std::stable_partition(outcomes.begin(), outcomes.end(),
                                           [](const ProgramOutcome &outcome) { return !outcome.with_shim; });
    std::vector<ProgramOutcome> shim_outcomes(std::make_move_iterator(with_shim),
                                              std::make_move_iterator(outcomes.end()));
    outcomes.erase(with_shim, outcomes.end());
    std::string path = options.output + "/sets", shim_path = options.output + "/shim-sets";
    TRY(write_sets_file(path, model.main->uuid, environment, options.interpreter, std::move(outcomes)));
    uint64_t size = TRY(identity_of_path(path)).size;
    if (options.shim.empty())
        return size;
    TRY(write_sets_file(shim_path, model.main->uuid, environment, options.interpreter,
                        std::move(shim_outcomes), options.shim));
    return size + TRY(identity_of_path(shim_path)).size;
}

// Those with the shim are counted apart: each is a program that was counted already.
void report_programs(const CacheModel &model, BuildReport *report) {
    for (const CacheProgram &program : model.programs) {
        if (!program.preload.empty()) {
            report->captured_with_shim += !program.rejection;
            continue;
        }
        report->programs++;
        report->captured++;
        if (program.rejection) {
            report->captured--;
            report->rejected.push_back({program.path, program.rejection->reason, program.rejection->detail});
        }
    }
}

} // namespace

Outcome<BuildReport> build_generation(const BuilderOptions &options, Progress &progress) {
    unsigned jobs =
        options.jobs != 0 ? options.jobs : static_cast<unsigned>(tbb::info::default_concurrency());
    tbb::global_control threads(tbb::global_control::max_allowed_parallelism, jobs);
    BuildReport report;
    PhaseClock clock(&report);
    CacheModel model;

    TRY(make_directory(options.output));
    TRY(calculate_inputs(options, &model, progress));
    clock.ends("inputs");

    // From here on it is known which files go in.
    estimate_optimizations(&model);
    TRY(create_sub_caches(&model));
    clock.ends("layout");

    // From here on every VA is fixed: text can be written and programs can be captured.
    std::string path = options.output + "/" + model.main->name;
    TemporaryFile cache = TRY(TemporaryFile::create(path));
    emit_early_chunks(&model);
    clock.ends("tables");
    BindStatistics bound = TRY(run_image_passes(&model, cache.named(), progress));
    clock.ends("images");

    // From here on base content is known, and captures can be compared with it.
    auto captures = capture_programs(options, &model, progress);
    clock.ends("capture");
    share_vdso_pointers(&model, &captures);
    report.adopted_pages = adopt_captured_pages(&model, &captures);
    std::vector<ProgramOutcome> outcomes = build_sets(model, std::move(captures));
    clock.ends("sets");

    // From here on base content is final.
    TRY(emit_late_chunks(&model));
    clock.ends("symbols");
    TRY(finalize_cache(&model, cache.named(), progress));
    TRY(cache.commit());
    report_programs(model, &report);
    report.bytes = model.main->size.raw() + TRY(write_sets(options, model, std::move(outcomes)));
    clock.ends("finalize");

    report.uuid = model.main->uuid;
    report.images = model.images.size();
    report.relocations = bound.relocations;
    report.unresolved = bound.unresolved;
    report.from_capture = bound.from_capture;
    return report;
}

} // namespace sharedregion
