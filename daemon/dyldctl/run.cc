// SPDX-License-Identifier: GPL-2.0-or-later
// dyldctl run [--] PROGRAM ARGS: starts a program through ld-dyld.so.
#include "daemon/dyldctl/launch.h"
#include "daemon/dyldctl/output.h"
#include "daemon/dyldctl/programs.h"

#include <cerrno>
#include <string_view>
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

// What ld-dyld.so does with these variables (docs/startup.md), for a start that it has no part in.
// Returns whether the program may start, else the exit code is set.
bool report_loader_changed(Context &context, const LaunchFiles &files) {
    auto variable = [](const char *name) {
        const char *value = getenv(name);
        return std::string_view(value == nullptr ? "" : value);
    };
    const std::string_view report = variable("DYLD_PRINT_LOADERS"), closures = variable("DYLD_USE_CLOSURES");
    const bool must = closures.starts_with('2'), only = report.starts_with('o');
    if (must || only || report.starts_with('1'))
        fprintf(stderr, "dyld: jit loader-changed %s%s\n", files.genuine_loader.c_str(),
                must ? "; not started: DYLD_USE_CLOSURES=2" : "");
    if (must || only)
        context.exit_code = only ? 1 : kCannotExecute;
    return !must && !only;
}

// ld.so was replaced since ld-dyld.so was made from it. Starts compare libc, which comes with it, but for the
// sake of a system call not ld.so itself (docs/decisions/0008-loader-by-libc.md): so it is not put in place.
void run_by_replaced_loader(Context &context, const LaunchFiles &files, const std::string &path,
                            const std::vector<std::string> &command) {
    if (!report_loader_changed(context, files))
        return;
    Failure failure = execute(path, command);
    fail(context, failure, exit_code_of(failure.code));
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
    if (files.value().loader_changed && !inside_launch_namespace(files.value()))
        return run_by_replaced_loader(context, files.value(), path.value(), command);
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
