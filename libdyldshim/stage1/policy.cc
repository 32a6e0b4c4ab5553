// SPDX-License-Identifier: GPL-2.0-or-later
#include "libdyldshim/shared/policy.h"

#include "libdyldshim/shared/strings.h"

namespace sharedregion {
namespace {

void note_variable(const char *variable, Policy *policy) {
    if (policy->reason == JitReason::None) {
        policy->reason = JitReason::EnvironmentSet;
        policy->variable = variable;
    }
}

void disable(Policy *policy) {
    policy->reason = JitReason::Disabled;
    policy->variable = nullptr;
}

// use (the default), private, avoid; anything else asks for something that we do not know.
void read_shared_region(const char *variable, const char *value, Policy *policy) {
    if (equal_strings(value, "avoid"))
        disable(policy);
    else if (equal_strings(value, "private"))
        policy->private_region = true;
    else if (!equal_strings(value, "use"))
        note_variable(variable, policy);
}

// `name` is what follows "DYLD_". Any variable but ours asks for something that a set cannot know.
void read_dyld_variable(const char *variable, const char *name, Policy *policy) {
    if (const char *value = after_prefix(name, "USE_CLOSURES=")) {
        policy->must = *value == '2';
        policy->build = *value == '1';
        if (*value == '0')
            disable(policy);
    } else if (const char *loaders = after_prefix(name, "PRINT_LOADERS=")) {
        policy->report = *loaders == 'o' ? Report::Only : *loaders == '1' ? Report::Line : Report::Quiet;
    } else if (const char *state = after_prefix(name, "SHARED_CACHE_DIR=")) {
        policy->state = *state != 0 ? state : nullptr;
    } else if (const char *region = after_prefix(name, "SHARED_REGION=")) {
        read_shared_region(variable, region, policy);
    } else {
        note_variable(variable, policy);
    }
}

} // namespace

Policy read_policy(const StartArgs &args) {
    Policy policy;
    if (args.value(AT_SECURE) != 0) {
        policy.reason = JitReason::Secure;
        return policy;
    }
    for (const char *const *entry = args.envp(); *entry != nullptr; entry++) {
        const char *variable = *entry;
        // LD_*: ld.so; the others: glibc's tunables, which ld.so reads before anything is loaded.
        if (const char *name = after_prefix(variable, "DYLD_"))
            read_dyld_variable(variable, name, &policy);
        else if (policy.preload == nullptr && after_prefix(variable, kPreload) != nullptr)
            policy.preload = variable;
        else if (after_prefix(variable, "LD_") || after_prefix(variable, "GLIBC_TUNABLES=") ||
                 after_prefix(variable, "MALLOC_"))
            note_variable(variable, &policy);
    }
    if (policy.build && policy.preload != nullptr) // users' sets are without the shim
        note_variable(policy.preload, &policy);
    if (policy.build && policy.reason == JitReason::None)
        policy.reason = JitReason::Building;
    return policy;
}

} // namespace sharedregion
