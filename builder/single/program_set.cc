// SPDX-License-Identifier: GPL-2.0-or-later
#include "builder/single/program_set.h"

#include "builder/capture/program_file.h"
#include "builder/phases/program_probe.h"
#include "builder/single/existing_cache.h"
#include "builder/support/file.h"

namespace sharedregion {

namespace {

// Said before the program is captured, since capture would meet only the first one, at its mmap.
std::optional<Rejection> missing_from_cache(const ExistingCache &cache,
                                            const std::vector<ListedLibrary> &libraries) {
    for (const ListedLibrary &library : libraries) {
        Outcome<std::string> path = canonical_path(library.path);
        Outcome<FileIdentity> identity = identity_of_path(library.path);
        if (!path.ok() || !identity.ok())
            return rejected(RejectReason::MissingLibrary, library.path);
        bool changed;
        if (cache.find(path.value(), identity.value(), &changed) == nullptr)
            return rejected(changed ? RejectReason::LibraryChanged : RejectReason::UnplannedLibrary,
                            path.value());
    }
    return std::nullopt;
}

Result<ProgramCapture, Rejection> capture_against(const ExistingCache &cache,
                                                  const ProgramSetRequest &request, CacheProgram *program) {
    if (!program->rejection)
        check_program_content(program);
    if (program->rejection)
        return *program->rejection;
    std::vector<ListedLibrary> libraries = TRY(list_libraries(*program, request.timeout_ms));
    if (std::optional<Rejection> missing = missing_from_cache(cache, libraries))
        return *missing;
    const FileContent base(cache.view());
    ProgramCapture capture = TRY(capture_program(
        CaptureRequest{program->path, program->interpreter, request.timeout_ms}, cache.plan(), base));
    use_vdso_stubs(cache.vdso_words(), cache.loader_extent(), base, &capture);
    return capture;
}

} // namespace

Outcome<ProgramOutcome> build_program_set(const ProgramSetRequest &request) {
    const std::string interpreter = TRY(canonical_path(request.interpreter));
    ExistingCache cache = TRY(ExistingCache::open(request.cache, interpreter));
    CacheProgram program = probe_program(request.program, TRY(identity_of_path(interpreter)));
    ProgramOutcome outcome{program.path, program.identity, program.key, {}, {}, false};
    Result<ProgramCapture, Rejection> capture = capture_against(cache, request, &program);
    if (capture.ok())
        outcome.blob = build_set_blob(capture.value(), cache.layout(), FileContent(cache.view()));
    else
        outcome.rejection = capture.error();
    Environment environment = TRY(read_environment(interpreter));
    TRY(write_sets_file(request.output, cache.uuid(), environment, interpreter, {outcome}));
    return outcome;
}

} // namespace sharedregion
