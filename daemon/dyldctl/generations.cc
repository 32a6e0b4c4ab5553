// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/dyldctl/generations.h"

#include "daemon/files/child.h"
#include "daemon/files/other_root.h"
#include "daemon/files/package.h"
#include "daemon/state/loader_record.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sys/wait.h>

namespace sharedregion {

namespace {

constexpr const char kTemporary[] = ".tmp-";
constexpr int kBuilderRejectedAll = 3; // shared-cache(1): kExitRejected

// What cannot be removed stays until the next build: it is never read.
template <class Unwanted> void remove_entries(int directory, const std::string &path, Unwanted unwanted) {
    Outcome<std::vector<std::string>> names = list_directory(directory, path);
    if (!names.ok())
        return;
    const std::string parent = path + "/";
    for (const std::string &name : names.value())
        if (unwanted(name))
            (void)remove_tree(directory, name, parent + name);
}

// "progress DONE TOTAL PHASE"
bool read_progress(const std::string &line, const OnProgress &on_progress) {
    unsigned long long done, total;
    char phase[128];
    if (sscanf(line.c_str(), "progress %llu %llu %127[^\n]", &done, &total, phase) != 3)
        return false;
    if (on_progress)
        on_progress(done, total, phase);
    return true;
}

Outcome<std::vector<std::string>> builder_arguments(const BuildJob &job, const std::string &output) {
    std::vector<std::string> arguments = {TRY(find_helper("shared-cache"))};
    const std::vector<std::string> root = root_arguments();
    arguments.insert(arguments.end(), root.begin(), root.end());
    const std::string second_stage = TRY(find_helper("dyld-stage2.bin"));
    arguments.insert(arguments.end(), {"build", "--output", output, "--loader", second_stage});
    if (job.jobs != 0)
        arguments.insert(arguments.end(), {"--jobs", std::to_string(job.jobs)});
    if (!job.shim.empty())
        arguments.insert(arguments.end(), {"--shim", job.shim});
    arguments.insert(arguments.end(), {"--json", "--progress"});
    arguments.insert(arguments.end(), job.programs.begin(), job.programs.end());
    return arguments;
}

// Equal content has an equal UUID: a second generation with it (other sets, say) gets a suffix.
Outcome<std::string> name_generation(const StateDirectory &state, const std::string &temporary) {
    UniqueFd directory = TRY(open_trusted_directory(state.fd(), "generations", state.file("generations")));
    std::string uuid;
    {
        Generation generation = TRY(Generation::open(state.generation_path(temporary)));
        TRY(generation.verify());
        uuid = to_hex(generation.cache().header().file.uuid);
    }
    for (unsigned suffix = 1; suffix < 1000; suffix++) {
        std::string name = suffix == 1 ? uuid : uuid + "-" + std::to_string(suffix);
        // RENAME_NOREPLACE would do; a directory is only ever replaced if it is empty.
        if (renameat(directory.get(), temporary.c_str(), directory.get(), name.c_str()) == 0) {
            (void)fsync(directory.get());
            return name;
        }
        if (errno != ENOTEMPTY && errno != EEXIST)
            return Failure::system(errno, state.generation_path(name), "cannot rename");
    }
    return Failure::about(state.generation_path(uuid),
                          "too many generations with this UUID; run dyldctl clean");
}

// The genuine ld.so's other path: a symlink to an empty file that `dyldctl run` mounts it on, in a directory
// that a service's drop-in mounts ld.so's own directory on.
Done make_placeholder(const StateDirectory &state, const std::string &genuine_loader) {
    const std::string name = genuine_loader.substr(genuine_loader.rfind('/') + 1);
    const std::string path = state.file(kGenuineDirectoryName);
    UniqueFd directory =
        TRY(make_own_directory(state.fd(), kGenuineDirectoryName, path, geteuid() == 0 ? 0755 : 0700));
    const std::string target = std::string(kGenuineDirectoryName) + "/" + name;
    (void)TRY(open_regular_inside(directory.get(), name, O_RDONLY | O_CREAT | O_NOFOLLOW, state.file(target),
                                  0755));
    if (read_symlink(state.fd(), kAliasName) == target)
        return Success{};
    return replace_symlink(state.fd(), kAliasName, target, state.file(kAliasName));
}

Outcome<std::string> run_builder(const BuildJob &job, const std::string &output) {
    std::string last; // told when another line comes: that of a failure is part of the error
    auto tell_last = [&] {
        if (job.on_message && !last.empty())
            job.on_message(last);
    };
    std::vector<std::string> arguments = TRY(builder_arguments(job, output));
    ChildResult result = TRY(run_child(arguments, [&](const std::string &line) {
        if (read_progress(line, job.on_progress))
            return;
        tell_last();
        last = line;
    }));
    // Files that only say why each program was rejected are a generation too.
    bool all_rejected = WIFEXITED(result.status) && WEXITSTATUS(result.status) == kBuilderRejectedAll;
    if (result.status != 0 && !all_rejected)
        return Failure::about("shared-cache", "build failed with " + status_text(result.status) +
                                                  (last.empty() ? "" : ": " + last) +
                                                  "; the generation in use stays");
    tell_last();
    return std::move(result.output);
}

} // namespace

Outcome<BuiltGeneration> build_generation(const BuildJob &job) {
    const StateDirectory &state = *job.state;
    UniqueFd directory = TRY(open_trusted_directory(state.fd(), "generations", state.file("generations")));
    std::string temporary = kTemporary + random_hex(16);
    std::string path = state.generation_path(temporary);
    (void)TRY(make_own_directory(directory.get(), temporary, path, geteuid() == 0 ? 0755 : 0700));
    Outcome<std::string> report = run_builder(job, path);
    Outcome<std::string> name =
        report.ok() ? name_generation(state, temporary) : Outcome<std::string>(report.error());
    if (!name.ok()) {
        (void)remove_tree(directory.get(), temporary, path);
        return std::move(name.error());
    }
    return BuiltGeneration{std::move(name.value()), std::move(report.value())};
}

void remove_leftovers(const StateDirectory &state) {
    remove_entries(state.fd(), state.path(), [](const std::string &name) {
        return name.starts_with(".active.") || name.starts_with(std::string(kShimName) + ".") ||
               name.starts_with(".current.") || name.starts_with(".genuine-ld.so.") ||
               (name.starts_with("ld-dyld.so.") && name != kLoaderRecordName);
    });
    Outcome<UniqueFd> directory =
        open_trusted_directory(state.fd(), "generations", state.file("generations"));
    if (directory.ok())
        remove_entries(directory.value().get(), state.file("generations"),
                       [](const std::string &name) { return name.starts_with(kTemporary); });
}

void remove_generations(const StateDirectory &state, const std::set<std::string> &keep) {
    Outcome<UniqueFd> directory =
        open_trusted_directory(state.fd(), "generations", state.file("generations"));
    if (directory.ok())
        remove_entries(directory.value().get(), state.file("generations"),
                       [&](const std::string &name) { return !keep.contains(name); });
}

Outcome<bool> ensure_loader(const StateDirectory &state, const std::string &genuine_loader) {
    TRY(make_placeholder(state, genuine_loader));
    std::string stage1 = TRY(find_helper("dyld-stage1.bin")), tail = TRY(find_helper("dyld-tail.bin"));
    std::string output = state.file(kLoaderName);
    auto record_now = [&] {
        return LoaderRecord{recorded_now(genuine_loader), RecordedFile{stage1, helper_identity(stage1)},
                            RecordedFile{tail, helper_identity(tail)}, recorded_now(output)};
    };
    if (LoaderRecord::read(state) == record_now())
        return false;
    std::string last;
    std::vector<std::string> arguments = {TRY(find_helper("make-ld-dyld")),
                                          "--ldso",
                                          genuine_loader,
                                          "--stage1",
                                          stage1,
                                          "--tail",
                                          tail,
                                          "--state",
                                          state.path(),
                                          "--output",
                                          output};
    const std::vector<std::string> root = root_arguments();
    arguments.insert(arguments.end(), root.begin(), root.end());
    if (root.empty()) // programs of another root directory cannot execute this dyldctl
        arguments.insert(arguments.end(), {"--builder", TRY(own_path())});
    ChildResult result = TRY(run_child(arguments, [&](const std::string &line) { last = line; }));
    if (result.status != 0)
        return Failure::about(output, "make-ld-dyld failed with " + status_text(result.status) +
                                          (last.empty() ? "" : ": " + last));
    TRY(record_now().write(state));
    return true;
}

} // namespace sharedregion
