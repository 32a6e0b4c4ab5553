// SPDX-License-Identifier: GPL-2.0-or-later
// dyldctl activate, deactivate: the current generation into use (after a boot), out of use.
#include "daemon/activation/activation.h"
#include "daemon/dyldctl/output.h"
#include "daemon/dyldctl/report.h"

namespace sharedregion {

namespace {

void say_waiting() {
    fprintf(stderr, "dyldctl: waiting for another dyldctl\n");
}

Outcome<Activation> activate_state(const Context &context, const std::string &tmpfs) {
    StateDirectory state = TRY(StateDirectory::open_chosen(context.state_option));
    StateLock lock = TRY(state.lock(say_waiting));
    std::string generation = state.current_generation();
    if (generation.empty())
        return Failure::about(state.path(), "nothing built here yet; run `dyldctl build PROGRAM...`");
    return activate(ActivationRequest{&state, generation, tmpfs});
}

Done deactivate_state(const Context &context) {
    StateDirectory state = TRY(StateDirectory::open_chosen(context.state_option));
    StateLock lock = TRY(state.lock(say_waiting));
    return deactivate(state);
}

} // namespace

void add_activate(CLI::App &app, Context &context) {
    auto tmpfs = std::make_shared<std::string>();
    CLI::App *command =
        app.add_subcommand("activate", "put the current generation into use, at a new random base");
    command->add_option("--tmpfs", *tmpfs, "directory in a tmpfs for the activation");
    command->callback([tmpfs, &context] {
        Outcome<Activation> activation = activate_state(context, *tmpfs);
        if (!activation.ok())
            return fail(context, activation.error());
        tell(context, activation.value());
        if (context.json)
            print_json(to_json(activation.value()));
        else
            printf("%s in use, %s: %s\n", counted(activation.value().sets, "set").c_str(),
                   bytes_text(activation.value().bytes).c_str(), activation.value().directory.c_str());
    });
}

void add_deactivate(CLI::App &app, Context &context) {
    CLI::App *command =
        app.add_subcommand("deactivate", "take the activation out of use: programs start by ld.so");
    command->callback([&context] {
        Done done = deactivate_state(context);
        if (!done.ok())
            return fail(context, done.error());
        if (context.json)
            print_json(Json{{"active", false}});
    });
}

} // namespace sharedregion
