// SPDX-License-Identifier: GPL-2.0-or-later
// dyldctl list: every program of the current generation with its state.
#include "daemon/activation/generation.h"
#include "daemon/dyldctl/output.h"
#include "daemon/dyldctl/program_state.h"
#include "sharedregion/printable.h"

namespace sharedregion {

namespace {

Outcome<Json> collect(const Context &context) {
    OpenState open = TRY(OpenState::open(context.state_option));
    Json programs = Json::array();
    for (const SetProgramRecord &record : open.generation.sets().programs()) {
        ProgramState state = TRY(open.state_of(record));
        programs.push_back({{"path", open.generation.sets().string(record.path)},
                            {"state", state.word},
                            {"reason", state.why.reason},
                            {"detail", state.why.detail}});
    }
    return programs;
}

void print(const Json &programs) {
    for (const Json &program : programs) {
        std::string state = program["state"].get<std::string>();
        std::string padded = state + std::string(state.size() < 9 ? 9 - state.size() : 0, ' ');
        printf("%s %s", coloured(state == "prebuilt" ? Colour::Good : Colour::Bad, padded).c_str(),
               printable(program["path"].get<std::string>()).c_str());
        if (state != "prebuilt")
            printf("  %s %s", program["reason"].get<std::string>().c_str(),
                   coloured(Colour::Faint, printable(program["detail"].get<std::string>())).c_str());
        printf("\n");
    }
}

} // namespace

void add_list(CLI::App &app, Context &context) {
    app.add_subcommand("list", "the programs of the current generation")->callback([&context] {
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
