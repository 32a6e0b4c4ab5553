// SPDX-License-Identifier: GPL-2.0-or-later
// shared-cache set: one program against a cache that exists.
#include "builder/cli/commands.h"

#include "builder/cli/dump.h"
#include "sharedregion/printable.h"

#include <cstdio>

namespace sharedregion {

namespace {

using Json = nlohmann::ordered_json;

void print(const ProgramOutcome &outcome, bool as_json) {
    const Json json = {{"path", outcome.path},
                       {"captured", !outcome.blob.empty()},
                       {"bytes", outcome.blob.size()},
                       {"reason", outcome.rejection.reason},
                       {"detail", outcome.rejection.detail}};
    if (as_json)
        puts(to_text(json).c_str());
    else
        print_text(json);
}

} // namespace

int run_set(const SetArguments &arguments) {
    Outcome<ProgramOutcome> built = build_program_set(arguments.request);
    if (!built.ok()) {
        fprintf(stderr, "shared-cache: %s\n", printable(built.error().message()).c_str());
        return kExitFailure;
    }
    print(built.value(), arguments.json);
    return built.value().blob.empty() ? kExitRejected : kExitSuccess;
}

} // namespace sharedregion
