// SPDX-License-Identifier: GPL-2.0-or-later
// dyldctl list: every program of the current generation with its state.
#include "daemon/activation/generation.h"
#include "daemon/dyldctl/output.h"
#include "daemon/dyldctl/program_state.h"
#include "daemon/dyldctl/user_set_builder.h"
#include "sharedregion/printable.h"

namespace sharedregion {

namespace {

// The caller's own sets; `open` may be nullptr: nothing is built.
void add_own_sets(OpenState *open, Json *programs) {
    Outcome<UserDirectory> directory = UserDirectory::open();
    Outcome<std::vector<UserSetFile>> files =
        directory.ok() ? directory.value().sets() : Outcome<std::vector<UserSetFile>>(directory.error());
    if (!files.ok())
        return;
    FileCheck check;
    const ActiveRegion *region = open != nullptr && open->region ? &*open->region : nullptr;
    for (const UserSetFile &file : files.value()) {
        std::optional<Stale> stale = stale_user_set(file, region, &check);
        programs->push_back({{"path", file.program.empty() ? file.path : file.program},
                             {"state", !stale                        ? "own"
                                       : stale->reason == "no-cache" ? "inactive"
                                                                     : "stale"},
                             {"reason", stale ? stale->reason : ""},
                             {"detail", stale ? stale->detail : ""},
                             {"file", file.path}});
    }
}

Outcome<Json> collect(const Context &context) {
    Json programs = Json::array();
    Outcome<OpenState> opened = OpenState::open(context.state_option);
    if (!opened.ok()) {
        add_own_sets(nullptr, &programs);
        return programs.empty() ? Outcome<Json>(std::move(opened.error())) : programs;
    }
    OpenState &open = opened.value();
    for (const SetProgramRecord &record : open.generation.sets().programs()) {
        ProgramState state = TRY(open.state_of(record));
        programs.push_back({{"path", open.generation.sets().string(record.path)},
                            {"state", state.word},
                            {"reason", state.why.reason},
                            {"detail", state.why.detail}});
    }
    add_own_sets(&open, &programs);
    return programs;
}

void print(const Json &programs) {
    for (const Json &program : programs) {
        std::string state = program["state"].get<std::string>();
        std::string padded = state + std::string(state.size() < 9 ? 9 - state.size() : 0, ' ');
        printf("%s %s",
               coloured(state == "prebuilt" || state == "own" ? Colour::Good : Colour::Bad, padded).c_str(),
               printable(program["path"].get<std::string>()).c_str());
        if (state != "prebuilt" && state != "own")
            printf("  %s %s", program["reason"].get<std::string>().c_str(),
                   coloured(Colour::Faint, printable(program["detail"].get<std::string>())).c_str());
        printf("\n");
    }
}

} // namespace

void add_list(CLI::App &app, Context &context) {
    app.add_subcommand("list", "the programs of the current generation, and the caller's own sets")
        ->callback([&context] {
            Outcome<Json> programs = collect(context);
            if (!programs.ok())
                return fail(context, programs.error());
            if (context.json)
                print_json(programs.value());
            else
                print(programs.value());
        });
}

} // namespace sharedregion
