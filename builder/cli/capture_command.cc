// SPDX-License-Identifier: GPL-2.0-or-later
// shared-cache capture: one program's capture, for whoever wants to know why a set looks as it does.
#include "builder/cli/commands.h"

#include "builder/cli/dump.h"
#include "builder/cli/hex.h"
#include "builder/cli/words.h"
#include "builder/phases/phases.h"

#include <cstdio>

namespace sharedregion {

namespace {

using Json = nlohmann::ordered_json;

class NoProgress : public Progress {
    void report(uint64_t, uint64_t, const char *) override {}
};

Done prepare(const BuilderOptions &options, CacheModel *model) {
    NoProgress progress;
    TRY(calculate_inputs(options, model, progress));
    estimate_optimizations(model);
    TRY(create_sub_caches(model));
    TRY(run_image_passes(model, {}, progress));
    return Success{};
}

Json words_json(const ProgramCapture &capture) {
    Json json = Json::array();
    for (const auto &[key, words] : capture.fixups)
        json.push_back(
            {{"space", space_word(key.first)}, {"class", class_word(key.second)}, {"words", words.size()}});
    uint64_t slides = 0;
    for (const CapturedPage &page : capture.pages)
        slides += page.slide.size();
    json.push_back({{"space", "pages"}, {"class", class_word(FixupClass::Region)}, {"words", slides}});
    return json;
}

Json pages_json(const ProgramCapture &capture) {
    Json json = Json::array();
    for (const CapturedPage &page : capture.pages)
        json.push_back(std::string(space_word(page.space)) + " " + hex_number(page.offset));
    return json;
}

Json capture_json(const CacheModel &model, const ProgramCapture &capture) {
    Json images = Json::array();
    for (uint32_t image : capture.images)
        images.push_back(model.images[image].path);
    return {{"path", capture.path},
            {"images", images},
            {"absent", capture.absent},
            {"heap_used", capture.heap_used.raw()},
            {"path_dependent", capture.path_dependent},
            {"words", words_json(capture)},
            {"pages", pages_json(capture)}};
}

int print(const Json &json, bool as_json) {
    if (as_json)
        puts(to_text(json).c_str());
    else
        print_text(json);
    return kExitSuccess;
}

int reject(const std::string &path, const Rejection &rejection, bool as_json) {
    print({{"path", path}, {"reason", rejection.reason}, {"detail", rejection.detail}}, as_json);
    return kExitRejected;
}

} // namespace

int run_capture(const CaptureArguments &arguments) {
    CacheModel model;
    Done prepared = prepare(arguments.options, &model);
    if (!prepared.ok()) {
        fprintf(stderr, "shared-cache: %s\n", prepared.error().message().c_str());
        return kExitFailure;
    }
    if (model.programs.size() != 1) {
        fprintf(stderr, "shared-cache: capture wants one program, not a directory\n");
        return kExitUsage;
    }
    const CacheProgram &program = model.programs[0];
    if (program.rejection)
        return reject(program.path, *program.rejection, arguments.json);
    CaptureRequest request{program.path, program.interpreter, arguments.options.capture_timeout_ms};
    auto captured = capture_program(request, steering_plan(model), ModelContent(model));
    if (!captured.ok())
        return reject(program.path, captured.error(), arguments.json);
    return print(capture_json(model, captured.value()), arguments.json);
}

} // namespace sharedregion
