// SPDX-License-Identifier: GPL-2.0-or-later
// dyldctl interpreter set|clear|query: the kernel module starts all programs by ld-dyld.so, until the next
// boot.
#include "daemon/system/interpreter.h"

#include "daemon/dyldctl/output.h"

namespace sharedregion {

namespace {

Done set(const Context &context) {
    StateDirectory state = TRY(StateDirectory::open_chosen(context.state_option));
    return set_substitution(state);
}

void print(const Context &context, const std::optional<Substitution> &substitution) {
    if (context.json)
        return print_json(substitution ? Json{{"set", true},
                                              {"in_force", substitution->in_force},
                                              {"substituted", substitution->substituted},
                                              {"replacement", substitution->replacement}}
                                       : Json{{"set", false}});
    if (!substitution)
        printf("not set\n");
    else
        printf("%s, %s started so%s\n",
               substitution->in_force ? "in force" : "out of force: a file has changed",
               counted(substitution->substituted, "program").c_str(),
               substitution->replacement.empty() ? "" : (" by " + substitution->replacement).c_str());
}

void query(Context &context) {
    Outcome<std::optional<Substitution>> substitution = query_substitution();
    if (!substitution.ok())
        return fail(context, substitution.error());
    print(context, substitution.value());
}

void finish(Context &context, const Done &done) {
    if (!done.ok())
        return fail(context, done.error());
    query(context);
}

} // namespace

void add_interpreter(CLI::App &app, Context &context) {
    CLI::App *command = app.add_subcommand(
        "interpreter", "start all programs by ld-dyld.so until the next boot (kernel module)");
    command->require_subcommand(1);
    command->add_subcommand("set", "from now on")->callback([&context] { finish(context, set(context)); });
    command->add_subcommand("clear", "no longer")->callback([&context] {
        finish(context, clear_substitution());
    });
    command->add_subcommand("query", "is it so, and how often was it done")->callback([&context] {
        query(context);
    });
}

} // namespace sharedregion
