// SPDX-License-Identifier: GPL-2.0-or-later
// dyldctl: the one command for people. Options and subcommands; the work is in the other files.
#include "daemon/dyldctl/output.h"
#include "daemon/files/child.h"
#include "daemon/files/other_root.h"
#include "daemon/system/interpreter.h"
#include "daemon/system/team.h"
#include "sharedregion/printable.h"

#include <cerrno>
#include <cstring>
#include <set>

using namespace sharedregion;

namespace {

bool takes_value(const char *option) {
    return strcmp(option, "--state") == 0 || strcmp(option, "--root") == 0 || strcmp(option, "--team") == 0;
}

// Splits off PROGRAM ARGS of `run`: returns how many of argv are dyldctl's own.
int split_command(int argc, char **argv, std::vector<std::string> *command) {
    bool in_run = false;
    for (int i = 1; i < argc; i++) {
        bool is_option = argv[i][0] == '-' && argv[i][1] != 0;
        if (takes_value(argv[i])) {
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

// The argument that is no option and has `skipped` such before it; empty: there is none.
std::string command_word(int argc, char **argv, int skipped) {
    for (int i = 1; i < argc; i++)
        if (takes_value(argv[i]))
            i++;
        else if (argv[i][0] != '-' && skipped-- == 0)
            return argv[i];
    return "";
}

// Among dyldctl's own arguments.
bool asks_for_help(int argc, char *const *argv) {
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

std::vector<CLI::App *> subcommands_of(CLI::App &app) {
    return app.get_subcommands([](CLI::App *) { return true; });
}

CLI::App *find_subcommand(CLI::App &app, const std::string &name) {
    for (CLI::App *subcommand : subcommands_of(app))
        if (subcommand->get_name() == name)
            return subcommand;
    return nullptr;
}

// Refuses a word that is no subcommand by its name, which CLI11 does not tell. `parents`: the words before
// it.
bool know_subcommand(CLI::App &app, const std::string &parents, const std::string &word) {
    if (word.empty() || subcommands_of(app).empty() || find_subcommand(app, word) != nullptr)
        return true;
    fprintf(stderr, "dyldctl: no subcommand '%s'; `dyldctl %s--help` lists them\n",
            printable(parents + word).c_str(), parents.c_str());
    return false;
}

// A script's unset variable must not mean the default state: `clean` would remove the system's.
std::string refuse_empty_state(const std::string &state) {
    return state.empty() ? "'': an empty name is no state directory" : "";
}

// What concerns the running system, or is for a user in it, is done there: by `chroot DIR dyldctl`.
bool works_with_root(const std::string &subcommand) {
    static const std::set<std::string> kCommands = {"build", "activate", "deactivate",  "region",
                                                    "run",   "why",      "status",      "list",
                                                    "show",  "clean",    "interpreter", "shim"};
    return kCommands.contains(subcommand);
}

// What takes things away works even if nothing can be started any more.
bool works_without_loader(const std::string &subcommand) {
    static const std::set<std::string> kCommands = {"clean", "deactivate", "region"};
    return kCommands.contains(subcommand);
}

Done enter_system(const std::string &directory, const std::string &subcommand) {
    TRY(enter_other_root(directory));
    if (works_without_loader(subcommand) || access(kProgramInterpreter, R_OK) == 0)
        return Success{};
    return Failure::system(errno, other_root() + kProgramInterpreter,
                           "no ld.so there, so " + other_root() +
                               " is no root directory of a system for x86-64");
}

// Before any subcommand begins.
void enter_root(Context &context, const std::string &directory, const std::string &subcommand) {
    if (!works_with_root(subcommand)) {
        fprintf(stderr, "dyldctl: '%s' works without --root only\n", subcommand.c_str());
        throw CLI::RuntimeError(kUsage);
    }
    Done entered = enter_system(directory, subcommand);
    if (entered.ok())
        return;
    fail(context, entered.error(), subcommand == "run" ? kRunFailed : kFailed);
    throw CLI::RuntimeError(context.exit_code);
}

// Commands that start no helper: those are not found from the copy that a member is.
void enter_team(Context &context, const std::string &team, const std::string &subcommand, char *const *argv) {
    static const std::set<std::string> kCommands = {"activate", "deactivate", "region", "status", "clean"};
    if (!kCommands.contains(subcommand)) {
        fprintf(stderr, "dyldctl: '%s' works without --team only\n", subcommand.c_str());
        throw CLI::RuntimeError(kUsage);
    }
    Done joined = join_team(team, argv);
    if (joined.ok())
        return;
    fail(context, joined.error());
    throw CLI::RuntimeError(context.exit_code);
}

} // namespace

int main(int argc, char **argv) {
    occupy_standard_streams();
    Context context;
    std::vector<std::string> command;
    CLI::App app{"Starts programs from a shared cache of their libraries."};
    app.name("dyldctl");
    app.require_subcommand(1);
    app.fallthrough(); // global options after the subcommand too
    app.add_option("--state", context.state_option,
                   "state directory (default: $DYLD_SHARED_CACHE_DIR, else /var/cache/"
                   "shared-region for root, ~/.cache/shared-region for others)")
        ->check(CLI::Validator(refuse_empty_state, ""));
    const std::string subcommand = command_word(argc, argv, 0);
    const int own = split_command(argc, argv, &command);
    const bool stays = asks_for_help(own, argv) || subcommand.empty(); // no system is looked at
    // Before --root: the copy is executed by this machine's ld.so.
    app.add_option_function<std::string>(
        "--team",
        [&](const std::string &team) {
            if (!stays)
                enter_team(context, team, subcommand, argv);
        },
        "for regions: those of programs with this team ID");
    app.add_option_function<std::string>(
        "--root",
        [&](const std::string &directory) {
            if (!stays)
                enter_root(context, directory, subcommand);
        },
        "work for the system with this root directory; all other paths are meant inside of it");
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
    if (!know_subcommand(app, "", subcommand))
        return kUsage;
    if (CLI::App *parent = find_subcommand(app, subcommand);
        parent != nullptr && !know_subcommand(*parent, subcommand + " ", command_word(argc, argv, 1)))
        return kUsage;
    try {
        app.parse(own, argv);
    } catch (const CLI::RuntimeError &error) { // told already
        return error.get_exit_code();
    } catch (const CLI::ParseError &error) {
        return app.exit(error) == 0 ? kOk : kUsage; // --help ends here too
    }
    return context.exit_code;
}
