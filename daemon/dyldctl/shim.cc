// SPDX-License-Identifier: GPL-2.0-or-later
// dyldctl shim: how to switch the shim on for a tree of processes.
#include "daemon/dyldctl/generations.h"
#include "daemon/dyldctl/output.h"
#include "sharedregion/printable.h"

#include <cerrno>

namespace sharedregion {

namespace {

Outcome<std::string> find_shim(const Context &context) {
    StateDirectory state = TRY(StateDirectory::open_chosen(context.state_option));
    std::string path = shim_path(state);
    if (path.empty())
        return Failure::about(state.path(), "built without the shim; run `dyldctl build --shim PROGRAM...`",
                              Failure::kNoOffset, ENOENT);
    return path;
}

// For eval in a shell: nothing in the path ends the quotes.
std::string in_quotes(const std::string &text) {
    std::string result = "'";
    for (char c : text)
        result += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return result + "'";
}

} // namespace

void add_shim(CLI::App &app, Context &context) {
    auto environment = std::make_shared<bool>(false);
    CLI::App *command = app.add_subcommand(
        "shim", "the library to preload into a tree of processes, so that it starts prebuilt");
    command->add_flag("--env", *environment, "as a shell command: eval \"$(dyldctl shim --env)\"");
    command->callback([environment, &context] {
        Outcome<std::string> path = find_shim(context);
        if (!path.ok())
            return fail(context, path.error());
        if (context.json)
            print_json(Json{{"shim", path.value()}, {"variable", "LD_PRELOAD=" + path.value()}});
        else if (*environment)
            printf("export LD_PRELOAD=%s\n", in_quotes(path.value()).c_str());
        else
            printf("%s\n", path.value().c_str());
    });
}

} // namespace sharedregion
