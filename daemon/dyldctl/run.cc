// SPDX-License-Identifier: GPL-2.0-or-later
// dyldctl run [--] PROGRAM ARGS: starts a program through ld-dyld.so.
#include "daemon/dyldctl/launch.h"
#include "daemon/dyldctl/output.h"
#include "daemon/dyldctl/programs.h"

#include <cerrno>
#include <unistd.h>

namespace sharedregion {

namespace {

int exit_code_of(int code) {
    return code == ENOENT ? kNotFound : kCannotExecute;
}

// Only comes back on an error.
Failure execute(const std::string &path, const std::vector<std::string> &arguments) {
    std::vector<char *> argv;
    argv.reserve(arguments.size() + 1);
    for (const std::string &argument : arguments)
        argv.push_back(const_cast<char *>(argument.c_str()));
    argv.push_back(nullptr);
    execv(path.c_str(), argv.data());
    return Failure::system(errno, path, "cannot execute");
}

void run(Context &context, const std::vector<std::string> &command) {
    Outcome<std::string> path = find_in_path(command[0]);
    if (!path.ok())
        return fail(context, path.error(), exit_code_of(path.error().code));
    Outcome<LaunchFiles> files = find_launch_files(context.state_option);
    if (!files.ok())
        return fail(context, files.error(), kRunFailed);
    if (files.value().moved)
        setenv(kStateVariable, files.value().state.c_str(), 1);
    Done entered = enter_launch_namespace(files.value());
    if (entered.ok()) {
        Failure failure = execute(path.value(), command);
        return fail(context, failure, exit_code_of(failure.code));
    }
    note(context, entered.error().message() + ": starting " + files.value().ld_dyld +
                      " directly; the program is not prebuilt then and /proc/self/exe names the loader");
    std::vector<std::string> arguments = command;
    arguments[0] = path.value();
    arguments.insert(arguments.begin(), files.value().ld_dyld);
    Failure failure = execute(files.value().ld_dyld, arguments);
    fail(context, failure, exit_code_of(failure.code));
}

} // namespace

void add_run(CLI::App &app, Context &context, const std::vector<std::string> &command) {
    CLI::App *subcommand =
        app.add_subcommand("run", "start a program prebuilt: run [--] PROGRAM [ARGUMENT...]");
    subcommand->callback([&context, &command] {
        if (command.empty())
            throw CLI::RequiredError("PROGRAM");
        run(context, command);
    });
}

} // namespace sharedregion
