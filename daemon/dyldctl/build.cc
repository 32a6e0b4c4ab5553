// SPDX-License-Identifier: GPL-2.0-or-later
// dyldctl build PROGRAM|DIR...: a generation for these and the current generation's programs.
#include "daemon/activation/state_region.h"
#include "daemon/activation/this_machine.h"
#include "daemon/dyldctl/enable.h"
#include "daemon/dyldctl/freshness.h"
#include "daemon/dyldctl/generations.h"
#include "daemon/dyldctl/launch.h"
#include "daemon/dyldctl/output.h"
#include "daemon/dyldctl/programs.h"
#include "daemon/dyldctl/report.h"
#include "daemon/files/package.h"
#include "daemon/state/active_region.h"
#include "sharedregion/printable.h"
#include "sharedregion/state_names.h"

#include <algorithm>
#include <optional>

namespace sharedregion {

namespace {

struct BuildOptions {
    std::vector<std::string> arguments;
    std::string tmpfs;
    unsigned jobs = 0;
    bool force = false;
    bool only = false;                  // do not keep the current generation's programs
    bool shim = false, no_shim = false; // from now on with the shim too, or without
    bool no_region = false;
    KernelRegion kernel() const { return no_region ? KernelRegion::Never : KernelRegion::IfPossible; }
};

struct BuildSummary {
    std::string generation;
    bool changed = false;
    bool captured = false; // at least one of the programs that were named
    std::string why;       // changed: what differed from the current generation
    Json report;           // of the builder
    std::optional<Activation> activation;
};

// Programs of the current generation that still are programs. From `sets` alone: a damaged or missing
// shared_cache must not make a build forget them.
void add_current_programs(const StateDirectory &state, std::set<std::string> *programs) {
    Outcome<MappedFile> file = MappedFile::open(state.file("current/sets"));
    if (!file.ok())
        return;
    Result<SetsView> sets = SetsView::open(file.value().bytes());
    if (!sets.ok())
        return;
    for (const SetProgramRecord &record : sets.value().programs()) {
        std::string path = sets.value().string(record.path);
        Outcome<ProgramFile> program = classify_program(path);
        if (program.ok() && program.value().kind == FileKind::Program)
            programs->insert(std::move(path));
    }
}

// The generation that a build may find unchanged; empty: none.
std::string usable_generation(const StateDirectory &state) {
    Outcome<std::string> name = find_generation_for_this_cpu(state);
    return name.ok() ? name.value() : state.current_generation();
}

std::optional<Generation> open_generation(const StateDirectory &state, const std::string &name) {
    if (name.empty())
        return std::nullopt;
    Outcome<Generation> opened = Generation::open(state.generation_path(name));
    if (!opened.ok())
        return std::nullopt; // damaged: the build replaces it
    return std::move(opened.value());
}

// The canonical path of the ld.so that most of the programs name: there is one per machine.
Outcome<std::string> genuine_loader(const std::string &program) {
    ProgramFile file = TRY(classify_program(program));
    return canonical_path(file.interpreter);
}

// Captures inside a `dyldctl run` would see ld-dyld.so in ld.so's place.
Done refuse_inside_run(const StateDirectory &state, const std::string &loader) {
    LaunchFiles files = {state.path(), state.file(kLoaderName), state.file(kAliasName), loader, false, false};
    if (inside_launch_namespace(files))
        return Failure::about(loader, "is ld-dyld.so here: start `dyldctl build` outside of `dyldctl run`");
    return Success{};
}

// Runs the builder; the new generation's name.
Outcome<std::string> make_generation(const Context &context, const StateDirectory &state,
                                     const BuildOptions &options, const std::set<std::string> &programs,
                                     Json *report) {
    ProgressBar bar(context);
    BuildJob job;
    job.state = &state;
    job.programs = programs;
    job.jobs = options.jobs;
    job.shim = shim_path(state);
    job.on_progress = [&](uint64_t done, uint64_t total, const std::string &phase) {
        bar.show(done, total, phase);
    };
    job.on_message = [&](const std::string &line) {
        bar.clear();
        note(context, line);
    };
    BuiltGeneration built = TRY(build_generation(job));
    *report = Json::parse(built.report, nullptr, false);
    return built.name;
}

// Why there is something to build; nullopt: nothing changed.
Outcome<std::optional<Stale>> reason_to_build(const StateDirectory &state, const BuildOptions &options,
                                              const std::set<std::string> &programs) {
    std::optional<Generation> current = open_generation(state, usable_generation(state));
    if (!current)
        return std::optional(Stale{"new", "no usable generation"});
    std::string second_stage = TRY(find_helper("dyld-stage2.bin"));
    std::optional<Stale> reason = needs_build(*current, programs, second_stage, shim_path(state));
    if (!reason && options.force)
        reason = Stale{"forced", ""};
    return reason;
}

// The generation that starting programs use now; empty: none of this state.
std::string active_generation(const StateDirectory &state) {
    Outcome<std::optional<ActiveRegion>> region = ActiveRegion::open(state);
    if (!region.ok() || !region.value())
        return "";
    std::string path = region.value()->cache_path(), prefix = state.generation_path("");
    return path.compare(0, prefix.size(), prefix) == 0
               ? path.substr(prefix.size(), path.find('/', prefix.size()) - prefix.size())
               : "";
}

// Inputs: a complete and verified generation. Outputs: `current` and `active` name it; older ones but the
// previous one, and one of each other CPU, are gone. Where activation fails, the old activation stays in use,
// and its generation.
Outcome<Activation> put_into_use(const StateDirectory &state, const BuildOptions &options,
                                 const std::string &name) {
    std::string previous = state.current_generation(), active = active_generation(state);
    TRY(state.set_current(name));
    std::set<std::string> keep = generations_of_other_cpus(state);
    keep.insert({name, previous});
    std::set<std::string> keep_now = keep;
    keep_now.insert(active);
    remove_generations(state, keep_now);
    Generation generation = TRY(Generation::open(state.generation_path(name)));
    Activation activation =
        TRY(activate_verified(ActivationRequest{&state, name, options.tmpfs, options.kernel()}, generation));
    remove_generations(state, keep);
    return activation;
}

// False: never, not since boot, or a build was killed before it came to that.
bool is_activated(const StateDirectory &state) {
    Outcome<std::optional<ActiveRegion>> region = ActiveRegion::open(state);
    return region.ok() && region.value() && region.value()->is_current(state);
}

// Whether another activation brings back the region that this one was written for, at nobody's cost.
bool is_region_missing(const StateDirectory &state) {
    const RegionLoss loss = kernel_region_loss(state);
    return loss == RegionLoss::Gone || loss == RegionLoss::Unfinished;
}

// Whether the activation lies where it is wanted; `tmpfs` empty: anywhere.
bool is_in_place(const StateDirectory &state, const std::string &tmpfs) {
    if (tmpfs.empty())
        return true;
    Outcome<std::string> wanted = canonical_path(tmpfs); // a missing one is activation's error to tell
    return wanted.ok() && state.active_directory().starts_with(wanted.value() + "/");
}

bool is_any_captured(const StateDirectory &state, const std::set<std::string> &programs) {
    std::optional<Generation> current = open_generation(state, state.current_generation());
    return current && std::any_of(programs.begin(), programs.end(), [&](const std::string &path) {
               const SetProgramRecord *record = current->sets().find(path.c_str());
               return record != nullptr && SetsView::captured(*record);
           });
}

// The caller holds the lock.
Outcome<BuildSummary> build_locked(const Context &context, const StateDirectory &state,
                                   const BuildOptions &options, ProgramList *list) {
    remove_leftovers(state);
    const std::set<std::string> named = list->programs;
    if (!options.only)
        add_current_programs(state, &list->programs);
    if (list->programs.empty())
        return Failure::about("", "no dynamic program among the arguments");
    std::string loader = TRY(genuine_loader(*list->programs.begin()));
    TRY(refuse_inside_run(state, loader));
    BuildSummary summary;
    summary.generation = usable_generation(state);
    summary.changed = TRY(ensure_loader(state, loader)); // before the long part: it may fail
    summary.changed |= TRY(ensure_shim(state, options.shim));
    if (options.no_shim)
        TRY(remove_shim(state));
    std::optional<Stale> reason = TRY(reason_to_build(state, options, list->programs));
    if (reason) {
        summary.changed = true;
        summary.why = reason->reason + (reason->detail.empty() ? "" : ": " + reason->detail);
        summary.generation = TRY(make_generation(context, state, options, list->programs, &summary.report));
        summary.activation.emplace(TRY(put_into_use(state, options, summary.generation)));
    } else if (!is_activated(state) || is_region_missing(state) || !is_in_place(state, options.tmpfs) ||
               summary.generation != state.current_generation()) {
        summary.changed = true;
        summary.activation.emplace(
            TRY(activate(ActivationRequest{&state, summary.generation, options.tmpfs, options.kernel()})));
        TRY(state.set_current(summary.generation));
    }
    summary.captured = is_any_captured(state, named);
    return summary;
}

Outcome<BuildSummary> build(const Context &context, const BuildOptions &options, ProgramList *list) {
    *list = TRY(find_programs(options.arguments));
    StateDirectory state = TRY(StateDirectory::make_chosen(context.state_option));
    StateLock lock = TRY(state.lock([] { fprintf(stderr, "dyldctl: waiting for another dyldctl\n"); }));
    Outcome<BuildSummary> summary = build_locked(context, state, options, list);
    if (summary.ok())
        renew_substitution(context, state);
    return summary;
}

Json to_json(const BuildSummary &summary, const ProgramList &list) {
    Json json = {{"generation", summary.generation},
                 {"changed", summary.changed},
                 {"programs", list.programs.size()},
                 {"skipped", list.skipped}};
    if (!summary.why.empty())
        json["why"] = summary.why;
    if (!summary.report.is_null())
        json["build"] = summary.report;
    if (summary.activation)
        json["activation"] = to_json(*summary.activation);
    return json;
}

void tell_rejected(const Json &report) {
    if (!report.is_object() || !report.contains("rejected"))
        return;
    for (const Json &rejected : report["rejected"])
        printf("rejected: %s: %s %s\n", printable(rejected.value("path", "")).c_str(),
               rejected.value("reason", "").c_str(), printable(rejected.value("detail", "")).c_str());
}

void tell(const Context &context, const BuildSummary &summary, const ProgramList &list) {
    if (!summary.changed) {
        printf("nothing changed: generation %s\n", summary.generation.c_str());
        return;
    }
    tell_rejected(summary.report);
    std::string captured;
    if (summary.report.is_object())
        captured = counted(summary.report.value("captured", 0U), "program") + ", " +
                   counted(summary.report.value("images", 0U), "library", "libraries") + ", " +
                   bytes_text(summary.report.value("bytes", uint64_t(0))) + ": ";
    printf("%sgeneration %s\n", captured.c_str(), summary.generation.c_str());
    if (!list.skipped.empty()) {
        std::string kinds;
        for (const auto &[kind, count] : list.skipped)
            kinds += (kinds.empty() ? "" : ", ") + std::to_string(count) + " " + kind;
        note(context, "skipped: " + kinds);
    }
}

} // namespace

void add_build(CLI::App &app, Context &context) {
    auto options = std::make_shared<BuildOptions>();
    CLI::App *command = app.add_subcommand("build", "build a generation for programs and put it into use");
    command->add_option("PROGRAM", options->arguments, "programs, or directories of programs")->required();
    command->add_option("--jobs,-j", options->jobs, "parallel captures (default: one per CPU)");
    command->add_option("--tmpfs", options->tmpfs, "directory in a tmpfs for the activation");
    command->add_flag("--force", options->force, "build even if nothing changed");
    command->add_flag("--no-region", options->no_region, kNoRegionHelp);
    CLI::Option *shim = command->add_flag(
        "--shim", options->shim, "build for programs with libdyldshim.so preloaded too, now and later");
    command->add_flag("--no-shim", options->no_shim, "not any more; remove libdyldshim.so")->excludes(shim);
    command->add_flag("--only", options->only, "forget the programs of the current generation");
    command->callback([options, &context] {
        ProgramList list;
        Outcome<BuildSummary> summary = build(context, *options, &list);
        for (const std::string &text : list.notes)
            note(context, text);
        if (!summary.ok())
            return fail(context, summary.error());
        context.exit_code = summary.value().captured ? kOk : kNotPrebuilt;
        if (summary.value().activation)
            tell(context, *summary.value().activation);
        if (context.json)
            print_json(to_json(summary.value(), list));
        else
            tell(context, summary.value(), list);
    });
}

} // namespace sharedregion
