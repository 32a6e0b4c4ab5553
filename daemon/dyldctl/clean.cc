// SPDX-License-Identifier: GPL-2.0-or-later
// dyldctl clean: removes the activation and everything in the state directory.
#include "daemon/activation/activation.h"
#include "daemon/activation/place.h"
#include "daemon/dyldctl/output.h"
#include "daemon/user/user_directory.h"

#include <cerrno>
#include <fcntl.h>

namespace sharedregion {

namespace {

// The lock and the tag go last: a clean that was killed can be run again.
Done remove_contents(const StateDirectory &state) {
    for (const std::string &name : TRY(list_directory(state.fd(), state.path())))
        if (name != "lock" && name != "CACHEDIR.TAG")
            TRY(remove_tree(state.fd(), name, state.file(name)));
    for (const char *name : {"CACHEDIR.TAG", "lock"})
        TRY(remove_tree(state.fd(), name, state.file(name)));
    return Success{};
}

Outcome<std::string> clean(const Context &context) {
    std::string wanted = TRY(choose_state_path(context.state_option));
    if (access(wanted.c_str(), F_OK) != 0 && errno == ENOENT) {
        if (Outcome<std::string> path = canonical_state_path(wanted); path.ok())
            remove_activations(path.value());
        return std::string();
    }
    StateDirectory state = TRY(StateDirectory::open(wanted));
    std::string foreign;
    if (!state.is_ours(&foreign))
        return Failure::about(foreign.empty() ? state.path() : state.file(foreign),
                              "not made by dyldctl: nothing removed", Failure::kNoOffset, EPERM);
    StateLock lock = TRY(state.lock([] { fprintf(stderr, "dyldctl: waiting for another dyldctl\n"); }));
    TRY(deactivate(state));
    remove_activations(state.path());
    TRY(remove_contents(state));
    // A mount point or a directory made by somebody else's rules may have to stay: empty is clean enough.
    (void)rmdir(state.path().c_str());
    return state.path();
}

// The caller's own sets, and their directory unless it holds something else.
Outcome<std::string> clean_own(uint64_t *removed) {
    *removed = 0;
    Outcome<UserDirectory> directory = UserDirectory::open();
    if (!directory.ok() && directory.error().code == ENOENT)
        return std::string();
    if (!directory.ok())
        return std::move(directory.error());
    *removed = TRY(directory.value().clean());
    return directory.value().path();
}

void report_own(Context &context) {
    uint64_t removed;
    Outcome<std::string> path = clean_own(&removed);
    if (!path.ok())
        return fail(context, path.error());
    if (context.json)
        print_json(Json{{"removed", path.value()}, {"sets", removed}});
    else if (!path.value().empty())
        printf("removed %s from %s\n", counted(removed, "set").c_str(), path.value().c_str());
}

} // namespace

void add_clean(CLI::App &app, Context &context) {
    CLI::App *command =
        app.add_subcommand("clean", "remove the activation and all generations of the state directory");
    auto own = std::make_shared<bool>(false);
    command->add_flag("--own", *own, "remove the caller's own sets instead");
    command->callback([own, &context] {
        if (*own)
            return report_own(context);
        Outcome<std::string> removed = clean(context);
        if (!removed.ok())
            return fail(context, removed.error());
        if (context.json)
            print_json(Json{{"removed", removed.value()}});
        else if (!removed.value().empty())
            printf("removed %s\n", removed.value().c_str());
    });
}

} // namespace sharedregion
