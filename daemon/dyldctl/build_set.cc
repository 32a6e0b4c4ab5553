// SPDX-License-Identifier: GPL-2.0-or-later
// dyldctl build-set PROGRAM...: the caller's own sets for programs that the activation has none of.
#include "daemon/dyldctl/output.h"
#include "daemon/dyldctl/user_set_builder.h"
#include "daemon/state/state.h"
#include "daemon/user/background_job.h"
#include "sharedregion/printable.h"

#include <cerrno>

namespace sharedregion {

namespace {

struct Options {
    std::vector<std::string> programs;
    UserSetOptions how;
};

Json to_json(const UserSetResult &result) {
    return Json{{"path", result.program},
                {"set", result.has_set()},
                {"word", result.word},
                {"detail", result.detail},
                {"file", result.file}};
}

void print(const UserSetResult &result) {
    const std::string &about = result.detail.empty() ? result.file : result.detail;
    printf("%s %s%s%s\n", coloured(result.has_set() ? Colour::Good : Colour::Bad, result.word).c_str(),
           printable(result.program).c_str(), about.empty() ? "" : ": ", printable(about).c_str());
}

// Where there is no state the rules say so.
Done check_state(std::string *path) {
    Outcome<StateDirectory> state = StateDirectory::open(*path);
    if (state.ok())
        *path = state.value().path();
    return state.ok() || state.error().code == ENOENT ? Done(Success{}) : Done(std::move(state.error()));
}

// Returns the last refusal, for the record of an attempt in the background.
std::string build_sets(Context &context, const Options &options) {
    std::string refusal = "failed";
    Outcome<std::string> state = choose_existing_state_path(context.state_option);
    if (!state.ok())
        return fail(context, state.error()), "failed " + state.error().message();
    UserSetOptions how = options.how;
    how.state = state.value();
    // In a user namespace root's state has no owner that is known there; ld-dyld.so names the one that it
    // uses.
    if (Done trusted = how.in_background ? Done(Success{}) : check_state(&how.state); !trusted.ok())
        return fail(context, trusted.error()), "failed " + trusted.error().message();
    UserSetBuilder builder(how);
    Json json = Json::array();
    for (const std::string &program : options.programs) {
        Outcome<UserSetResult> result = builder.build(program);
        if (!result.ok()) {
            refusal = "failed " + result.error().message();
            fail(context, result.error());
            continue;
        }
        refusal = result.value().has_set() ? "" : result.value().word + " " + result.value().detail;
        if (!result.value().has_set() && context.exit_code == kOk)
            context.exit_code = kNotPrebuilt;
        if (context.json)
            json.push_back(to_json(result.value()));
        else
            print(result.value());
    }
    if (context.json)
        print_json(json);
    return refusal;
}

} // namespace

void add_build_set(CLI::App &app, Context &context) {
    auto options = std::make_shared<Options>();
    CLI::App *command =
        app.add_subcommand("build-set", "make sets of your own for programs that the activation has none of");
    command->add_option("PROGRAM", options->programs, "programs")->required();
    command->add_flag("--again", options->how.again, "also where there is a set of your own that holds");
    command->add_flag("--instead", options->how.instead,
                      "also where the activation has one: of programs that you own, yours comes first");
    command->add_flag("--in-background", options->how.in_background)->group(""); // for ld-dyld.so
    command->callback([options, &context] {
        if (options->how.in_background)
            begin_background_job();
        const std::string refusal = build_sets(context, *options);
        if (options->how.in_background)
            end_background_job(refusal);
    });
}

} // namespace sharedregion
