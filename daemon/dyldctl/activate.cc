// SPDX-License-Identifier: GPL-2.0-or-later
// dyldctl activate, deactivate, region: the current generation into use (after a boot), out of use.
#include "daemon/activation/activation.h"
#include "daemon/activation/kernel_region.h"
#include "daemon/activation/this_machine.h"
#include "daemon/dyldctl/kernel_status.h"
#include "daemon/dyldctl/output.h"
#include "daemon/dyldctl/report.h"

namespace sharedregion {

namespace {

void say_waiting() {
    fprintf(stderr, "dyldctl: waiting for another dyldctl\n");
}

Outcome<Activation> activate_state(const Context &context, const std::string &tmpfs, KernelRegion kernel) {
    StateDirectory state = TRY(StateDirectory::open_chosen(context.state_option));
    StateLock lock = TRY(state.lock(say_waiting));
    std::string generation = TRY(find_generation_for_this_cpu(state));
    Activation activation = TRY(activate(ActivationRequest{&state, generation, tmpfs, kernel}));
    // Behind the activation: one that fails leaves everything as it was.
    if (generation != state.current_generation())
        TRY(state.set_current(generation));
    return activation;
}

Outcome<bool> detach_state(const Context &context) {
    StateDirectory state = TRY(StateDirectory::open_chosen(context.state_option));
    StateLock lock = TRY(state.lock(say_waiting));
    return detach_kernel_region(state);
}

Done deactivate_state(const Context &context) {
    StateDirectory state = TRY(StateDirectory::open_chosen(context.state_option));
    StateLock lock = TRY(state.lock(say_waiting));
    return deactivate(state);
}

} // namespace

void add_activate(CLI::App &app, Context &context) {
    auto tmpfs = std::make_shared<std::string>();
    auto no_region = std::make_shared<bool>(false);
    CLI::App *command =
        app.add_subcommand("activate", "put the current generation into use, at a new random base");
    command->add_option("--tmpfs", *tmpfs, "directory in a tmpfs for the activation");
    command->add_flag("--no-region", *no_region, kNoRegionHelp);
    command->callback([tmpfs, no_region, &context] {
        Outcome<Activation> activation =
            activate_state(context, *tmpfs, *no_region ? KernelRegion::Never : KernelRegion::IfPossible);
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

// `configure` is an activation that fails where the kernel takes no region: text, data and sets have to be
// slid for the base that the kernel chooses.
static void add_region_configure(CLI::App *region, Context &context) {
    auto tmpfs = std::make_shared<std::string>();
    CLI::App *command = region->add_subcommand(
        "configure", "put the current generation into use, in a new region of the kernel module");
    command->add_option("--tmpfs", *tmpfs, "directory in a tmpfs for the activation");
    command->callback([tmpfs, &context] {
        Outcome<Activation> activation = activate_state(context, *tmpfs, KernelRegion::Required);
        if (!activation.ok())
            return fail(context, activation.error());
        tell(context, activation.value());
        if (context.json)
            print_json(to_json(activation.value()));
        else
            printf("region configured, %s in use\n", counted(activation.value().sets, "set").c_str());
    });
}

static void add_region_detach(CLI::App *region, Context &context) {
    CLI::App *command =
        region->add_subcommand("detach", "take the region out of the kernel; programs map the cache's file");
    command->callback([&context] {
        Outcome<bool> detached = detach_state(context);
        if (!detached.ok())
            return fail(context, detached.error());
        if (context.json)
            print_json(Json{{"detached", detached.value()}});
        else if (!detached.value())
            note(context, "the kernel has no region of this activation");
    });
}

// 32 hexadecimal digits; nullopt: something else.
static std::optional<Uuid> parse_uuid(const std::string &text) {
    Uuid uuid = {};
    const bool digits = text.find_first_not_of("0123456789abcdef") == std::string::npos;
    if (!digits || text.size() != 2 * sizeof uuid.bytes)
        return std::nullopt;
    for (size_t i = 0; i < sizeof uuid.bytes; i++)
        uuid.bytes[i] = uint8_t(strtoul(text.substr(2 * i, 2).c_str(), nullptr, 16));
    return uuid;
}

// What dyldctl starts as a member of a team, whose region nobody else reaches (run_as_member()).
static void add_region_retire(CLI::App *region, Context &context) {
    auto text = std::make_shared<std::string>();
    CLI::App *command = region->add_subcommand("retire", "end the region with this UUID");
    command->group(""); // in no list
    command->add_option("UUID", *text)->required();
    command->callback([text, &context] {
        std::optional<Uuid> uuid = parse_uuid(*text);
        if (!uuid)
            throw CLI::ValidationError("UUID", "not 32 hexadecimal digits");
        Outcome<bool> retired = retire_kernel_region(*uuid);
        if (!retired.ok())
            fail(context, retired.error());
    });
}

static void add_region_query(CLI::App *region, Context &context) {
    region->add_subcommand("query", "the region of this root directory, and the module's counters")
        ->callback([&context] {
            Outcome<Json> json = kernel_status();
            if (!json.ok())
                return fail(context, json.error());
            if (context.json)
                print_json(json.value());
            else
                print_kernel(json.value());
        });
}

void add_region(CLI::App &app, Context &context) {
    CLI::App *region = app.add_subcommand("region", "the region in the kernel (/dev/shared_region)");
    region->require_subcommand(1);
    add_region_configure(region, context);
    add_region_query(region, context);
    add_region_detach(region, context);
    add_region_retire(region, context);
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
