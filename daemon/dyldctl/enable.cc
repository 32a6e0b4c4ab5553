// SPDX-License-Identifier: GPL-2.0-or-later
// dyldctl enable, disable: programs start from the cache without `dyldctl run`, now and after each boot.
//
// --system: all programs, by interpreter substitution in the kernel. --unit NAME: one systemd service, by
// bind mounts in its mount namespace. Everything that can fail is tried before anything changes, and `enable`
// takes back what it did if a later step fails. `disable` ends the effect first and then removes the files.
#include "daemon/dyldctl/enable.h"

#include "daemon/dyldctl/launch.h"
#include "daemon/dyldctl/output.h"
#include "daemon/files/child.h"
#include "daemon/files/package.h"
#include "daemon/files/region_device.h"
#include "daemon/system/interpreter.h"
#include "daemon/system/service_manager.h"
#include "daemon/system/units.h"
#include "sharedregion/state_names.h"

#include <cerrno>
#include <unistd.h>

namespace sharedregion {

namespace {

struct Target {
    bool system = false;
    std::string unit; // one or the other
};

const std::string kSystemUnitPath = std::string(kUnitDirectory) + "/" + kSystemUnit;

Done require_root() {
    if (geteuid() == 0)
        return Success{};
    return Failure::about("", "concerns the whole system: only root may do it", Failure::kNoOffset, EPERM);
}

Done require_systemd() {
    if (is_systemd_running())
        return Success{};
    return Failure::about("",
                          "systemd does not run this system, so nothing can be done at boot; "
                          "`dyldctl interpreter set` switches it on until the next one",
                          Failure::kNoOffset, EOPNOTSUPP);
}

bool is_in_force() {
    Outcome<std::optional<Substitution>> now = query_substitution();
    return now.ok() && now.value() && now.value()->in_force;
}

// As the unit does it at boot.
Done load_module() {
    if (is_module_loaded())
        return Success{};
    std::string said;
    Outcome<ChildResult> child =
        run_child({"/sbin/modprobe", "shared_region"}, [&](const std::string &line) { said = line; });
    if (is_module_loaded())
        return Success{};
    Failure failure = no_module();
    if (child.ok() && !said.empty())
        failure.what += ": " + said;
    return failure;
}

Done disable_system() {
    TRY(clear_substitution()); // first: from here on programs start by plain ld.so
    if (is_systemd_running() && access(kSystemUnitPath.c_str(), F_OK) == 0)
        TRY(systemctl({"disable", "--now", kSystemUnit}));
    if (TRY(remove_unit(kSystemUnitPath)) && is_systemd_running())
        TRY(systemctl({"daemon-reload"}));
    // Where systemd does not run, its link is ours to remove.
    (void)TRY(remove_unit(std::string(kUnitDirectory) + "/multi-user.target.wants/" + kSystemUnit));
    return Success{};
}

Done start_system_unit(bool changed) {
    TRY(systemctl({"daemon-reload"}));
    TRY(systemctl({"enable", kSystemUnit}));
    if (!changed && is_in_force())
        return Success{};
    Done started = systemctl({"restart", kSystemUnit});
    if (started.ok())
        return started;
    std::string why = unit_property(kSystemUnit, "Result");
    return Failure::about(kSystemUnit, started.error().message() + (why.empty() ? "" : " (" + why + ")") +
                                           "; nothing was enabled");
}

Done enable_system(const Context &context) {
    TRY(require_systemd());
    StateDirectory state = TRY(StateDirectory::open_chosen(context.state_option));
    TRY(load_module());
    TRY(check_substitution(state));
    const std::string program = TRY(own_path());
    const bool changed = TRY(write_unit(kSystemUnitPath, system_unit_text(program, state.path())));
    Done started = start_system_unit(changed);
    if (!started.ok())
        (void)disable_system();
    return started;
}

Outcome<std::string> checked_service(const std::string &name) {
    std::string service = service_name(name);
    if (service.empty())
        return Failure::about(name, "is no name of a systemd service");
    return service;
}

Done enable_unit(const Context &context, const std::string &name) {
    TRY(require_systemd());
    const std::string service = TRY(checked_service(name));
    StateDirectory state = TRY(StateDirectory::open_chosen(context.state_option));
    LaunchFiles files = TRY(find_launch_files(state));
    if (unit_property(service, "LoadState") != "loaded")
        return Failure::about(service, "systemd knows no such service", Failure::kNoOffset, ENOENT);
    const std::string path = drop_in_path(kUnitDirectory, service);
    const bool written = TRY(write_unit(path, drop_in_text(state.path(), files.genuine_loader)));
    Done reloaded = systemctl({"daemon-reload"});
    if (!reloaded.ok())
        (void)remove_unit(path);
    if (reloaded.ok() && written)
        note(context, service + ": takes effect when it is restarted");
    return reloaded;
}

Done disable_unit(const Context &context, const std::string &name) {
    const std::string service = TRY(checked_service(name));
    const bool removed = TRY(remove_unit(drop_in_path(kUnitDirectory, service)));
    if (!removed || !is_systemd_running())
        return Success{};
    TRY(systemctl({"daemon-reload"}));
    note(context, service + ": takes effect when it is restarted");
    return Success{};
}

Done enable(const Context &context, const Target &target) {
    TRY(require_root());
    return target.system ? enable_system(context) : enable_unit(context, target.unit);
}

Done disable(const Context &context, const Target &target) {
    TRY(require_root());
    return target.system ? disable_system() : disable_unit(context, target.unit);
}

void add(CLI::App &app, Context &context, const char *name, const char *help,
         Done (*act)(const Context &, const Target &)) {
    auto target = std::make_shared<Target>();
    CLI::App *command = app.add_subcommand(name, help);
    CLI::Option *system = command->add_flag("--system", target->system, "all programs (kernel module)");
    CLI::Option *unit = command->add_option("--unit", target->unit, "one systemd service");
    system->excludes(unit);
    command->callback([target, &context, act] {
        if (target->system == !target->unit.empty())
            throw CLI::RequiredError("--system or --unit NAME");
        Done done = act(context, *target);
        if (!done.ok())
            return fail(context, done.error());
        if (context.json)
            print_json(enabled_status());
    });
}

} // namespace

Json enabled_status() {
    Json json = {{"system", access(kSystemUnitPath.c_str(), F_OK) == 0},
                 {"units", services_with_drop_in(kUnitDirectory)},
                 {"substitution", nullptr}};
    Outcome<std::optional<Substitution>> now = query_substitution();
    if (now.ok() && now.value())
        json["substitution"] = {{"in_force", now.value()->in_force},
                                {"substituted", now.value()->substituted},
                                {"replacement", now.value()->replacement}};
    return json;
}

void renew_substitution(const Context &context, const StateDirectory &state) {
    Outcome<std::optional<Substitution>> now = query_substitution();
    // A pair by another state's file is not ours to change. (An older module does not tell which one it is.)
    if (!now.ok() || !now.value() || now.value()->in_force ||
        (!now.value()->replacement.empty() && now.value()->replacement != state.file(kLoaderName)))
        return;
    Done set = set_substitution(state);
    if (!set.ok())
        note(context, set.error().message() + "; programs start by plain ld.so");
}

void add_enable(CLI::App &app, Context &context) {
    add(app, context, "enable", "start programs from the cache, now and after each boot", enable);
}

void add_disable(CLI::App &app, Context &context) {
    add(app, context, "disable", "start programs by plain ld.so again", disable);
}

} // namespace sharedregion
