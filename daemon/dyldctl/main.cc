// SPDX-License-Identifier: GPL-2.0-or-later
// dyldctl: the one command for people. Options and subcommands; the work is in the other files.
#include "daemon/dyldctl/command.h"
#include "sharedregion/printable.h"

#include <cstring>

using namespace sharedregion;

namespace {

// Splits off PROGRAM ARGS of `run`: returns how many of argv are dyldctl's own.
int split_command(int argc, char **argv, std::vector<std::string> *command) {
    bool in_run = false;
    for (int i = 1; i < argc; i++) {
        bool is_option = argv[i][0] == '-' && argv[i][1] != 0;
        if (strcmp(argv[i], "--state") == 0) {
            i++;
        } else if (!is_option && !in_run) {
            if (strcmp(argv[i], "run") != 0)
                return argc;
            in_run = true;
        } else if (in_run && (!is_option || strcmp(argv[i], "--") == 0)) {
            command->assign(argv + (is_option ? i + 1 : i), argv + argc);
            return i;
        }
    }
    return argc;
}

// The first argument that is no option; empty: there is none.
std::string subcommand_word(int argc, char **argv) {
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--state") == 0)
            i++;
        else if (argv[i][0] != '-')
            return argv[i];
    return "";
}

bool has_subcommand(CLI::App &app, const std::string &name) {
    for (const CLI::App *subcommand : app.get_subcommands([](CLI::App *) { return true; }))
        if (subcommand->get_name() == name)
            return true;
    return false;
}

} // namespace

int main(int argc, char **argv) {
    Context context;
    std::vector<std::string> command;
    CLI::App app{"Starts programs from a shared cache of their libraries."};
    app.name("dyldctl");
    app.require_subcommand(1);
    app.fallthrough(); // global options after the subcommand too
    app.add_option("--state", context.state_option,
                   "state directory (default: $DYLD_SHARED_CACHE_DIR, else /var/cache/"
                   "shared-region for root, ~/.cache/shared-region for others)");
    app.add_flag("--json", context.json, "print the result as JSON");
    app.add_flag("--quiet,-q", context.quiet, "no notes and no progress on stderr");
    add_build(app, context);
    add_build_set(app, context);
    add_activate(app, context);
    add_deactivate(app, context);
    add_region(app, context);
    add_run(app, context, command);
    add_shim(app, context);
    add_why(app, context);
    add_status(app, context);
    add_list(app, context);
    add_show(app, context);
    add_clean(app, context);
    add_bench(app, context);
    add_enable(app, context);
    add_disable(app, context);
    add_interpreter(app, context);
    if (std::string word = subcommand_word(argc, argv); !word.empty() && !has_subcommand(app, word)) {
        fprintf(stderr, "dyldctl: no subcommand '%s'; `dyldctl --help` lists them\n",
                printable(word).c_str());
        return kUsage;
    }
    int own = split_command(argc, argv, &command);
    try {
        app.parse(own, argv);
    } catch (const CLI::ParseError &error) {
        return app.exit(error) == 0 ? kOk : kUsage; // --help ends here too
    }
    return context.exit_code;
}
