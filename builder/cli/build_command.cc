// SPDX-License-Identifier: GPL-2.0-or-later
// shared-cache build
#include "builder/cli/commands.h"

#include "builder/build.h"
#include "builder/cli/dump.h"
#include "builder/cli/hex.h"
#include "sharedregion/printable.h"

#include <cstdio>
#include <mutex>

namespace sharedregion {

namespace {

class QuietProgress : public Progress {
    void report(uint64_t, uint64_t, const char *) override {}
};

// One line per change, written whole, so that lines of several threads do not mix.
class LineProgress : public Progress {
    void report(uint64_t done, uint64_t total, const char *phase) override {
        std::lock_guard lock(mutex_);
        fprintf(stderr, "progress %llu %llu %s\n", static_cast<unsigned long long>(done),
                static_cast<unsigned long long>(total), phase);
    }
    std::mutex mutex_;
};

void print_json(const BuildReport &report) {
    nlohmann::ordered_json json;
    json["uuid"] = to_hex(report.uuid.bytes, sizeof report.uuid.bytes);
    json["images"] = report.images;
    json["programs"] = report.programs;
    json["captured"] = report.captured;
    json["captured_with_shim"] = report.captured_with_shim;
    json["rejected"] = nlohmann::ordered_json::array();
    for (const RejectedProgram &program : report.rejected)
        json["rejected"].push_back(
            {{"path", program.path}, {"reason", program.reason}, {"detail", program.detail}});
    json["bytes"] = report.bytes;
    json["relocations"] = report.relocations;
    json["unresolved"] = report.unresolved;
    json["from_capture"] = report.from_capture;
    json["adopted_pages"] = report.adopted_pages;
    json["seconds"] = nlohmann::ordered_json::object();
    for (const auto &[phase, seconds] : report.seconds)
        json["seconds"][phase] = seconds;
    puts(to_text(json).c_str());
}

void print_text(const BuildReport &report) {
    for (const RejectedProgram &program : report.rejected)
        printf("rejected %s: %s (%s)\n", printable(program.path).c_str(), program.reason.c_str(),
               printable(program.detail).c_str());
    printf("%s: %llu images, %llu of %llu programs, %.1f MB\n",
           to_hex(report.uuid.bytes, sizeof report.uuid.bytes).c_str(),
           static_cast<unsigned long long>(report.images), static_cast<unsigned long long>(report.captured),
           static_cast<unsigned long long>(report.programs), static_cast<double>(report.bytes) / 1e6);
    for (const auto &[phase, seconds] : report.seconds)
        printf("  %-10s %7.2f s\n", phase.c_str(), seconds);
}

} // namespace

int run_build(const BuildArguments &arguments) {
    QuietProgress quiet;
    LineProgress lines;
    Progress &progress = arguments.progress ? static_cast<Progress &>(lines) : quiet;
    Outcome<BuildReport> built = build_generation(arguments.options, progress);
    if (!built.ok()) {
        fprintf(stderr, "shared-cache: %s\n", printable(built.error().message()).c_str());
        return kExitFailure;
    }
    if (arguments.json)
        print_json(built.value());
    else
        print_text(built.value());
    return built.value().captured == 0 ? kExitRejected : kExitSuccess;
}

} // namespace sharedregion
