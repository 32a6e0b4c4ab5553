// SPDX-License-Identifier: GPL-2.0-or-later
// dyldctl bench [PROGRAM...]: start time from the cache against ld.so.
#include "bench/chart.h"
#include "bench/compare.h"
#include "daemon/dyldctl/launch.h"
#include "daemon/dyldctl/output.h"
#include "daemon/dyldctl/programs.h"
#include "daemon/files/package.h"

#include <optional>
#include <sstream>

namespace sharedregion {

namespace {

// What most programs answer at once; who needs another argument gives it in the PROGRAM argument.
constexpr const char kDefaultArgument[] = "--version";
const char *const kDefaultPrograms[] = {"bash",  "python3",           "git", "curl", "perl",
                                        "clang", "qemu-system-x86_64"};

struct BenchOptions {
    std::vector<std::string> programs;
    std::string empty;
    std::string chart;
    unsigned runs = 200;
    std::optional<unsigned> cpu;
};

// "PROGRAM", or "PROGRAM ARGUMENT..." separated by blanks.
Outcome<BenchCommand> parse_command(const std::string &text) {
    std::vector<std::string> words;
    if (access(text.c_str(), X_OK) == 0) {
        words = {text};
    } else {
        std::istringstream stream(text);
        for (std::string word; stream >> word;)
            words.push_back(word);
    }
    if (words.empty())
        return Failure::about(text, "names no program");
    if (words.size() == 1)
        words.push_back(kDefaultArgument);
    std::string path = TRY(find_in_path(words[0]));
    return BenchCommand{std::move(path), std::move(words)};
}

// An empty main and what is installed of some usual programs.
Outcome<std::vector<BenchCommand>> default_commands(const BenchOptions &options) {
    std::string empty = options.empty;
    if (empty.empty())
        empty = TRY(find_helper("empty"));
    std::vector<BenchCommand> commands = {BenchCommand{empty, {empty}}};
    for (const char *name : kDefaultPrograms)
        if (Outcome<BenchCommand> command = parse_command(name); command.ok()) {
            Outcome<ProgramFile> file = classify_program(command.value().path);
            if (file.ok() && file.value().kind == FileKind::Program)
                commands.push_back(std::move(command.value()));
        }
    return commands;
}

Outcome<std::vector<BenchCommand>> choose_commands(const BenchOptions &options) {
    if (options.programs.empty())
        return default_commands(options);
    std::vector<BenchCommand> commands;
    for (const std::string &text : options.programs)
        commands.push_back(TRY(parse_command(text)));
    return commands;
}

Outcome<std::vector<CommandResult>> bench(const Context &context, const BenchOptions &options) {
    std::vector<BenchCommand> commands = TRY(choose_commands(options));
    if (!options.chart.empty())
        TRY(check_chart(options.chart));
    LaunchFiles files = TRY(find_launch_files(context.state_option));
    if (inside_launch_namespace(files))
        return Failure::about(files.genuine_loader,
                              "is ld-dyld.so here: start `dyldctl bench` outside of `dyldctl run`");
    CompareOptions how;
    how.runs = options.runs;
    how.cpu = options.cpu ? *options.cpu : choose_cpu();
    SpawnServer plain = TRY(SpawnServer::start(commands, how.cpu, [] { return Done(Success{}); }));
    SpawnServer shared =
        TRY(SpawnServer::start(commands, how.cpu, [&] { return enter_launch_namespace(files); }));
    ProgressBar bar(context);
    how.progress = [&](unsigned done, unsigned total) { bar.show(done, total, "starts"); };
    std::vector<CommandResult> results = TRY(compare(commands, &plain, &shared, how));
    bar.clear();
    return results;
}

Json to_json(const Summary &summary) {
    return Json{{"median", summary.median},
                {"quartiles", {summary.lower_quartile, summary.upper_quartile}},
                {"mad", summary.mad}};
}

Json to_json(const SideResult &side) {
    return Json{{"microseconds", to_json(side.microseconds)},
                {"minor_faults", side.minor_faults.median},
                {"system_calls", side.syscalls.total},
                {"system_calls_before_entry", side.syscalls.before_entry},
                {"status", side.status}};
}

Json to_json(const std::vector<CommandResult> &results, const BenchOptions &options) {
    Json list = Json::array();
    for (const CommandResult &result : results)
        list.push_back({{"path", result.command.path},
                        {"arguments", result.command.arguments},
                        {"decision", result.decision},
                        {"ratio", result.ratio},
                        {"paired_ratio", to_json(result.paired)},
                        {"plain", to_json(result.plain)},
                        {"shared", to_json(result.shared)}});
    return Json{{"runs", options.runs}, {"results", list}};
}

// What to build so that the figures mean something.
void tell_missing(const Context &context, const std::vector<CommandResult> &results) {
    std::string missing;
    for (const CommandResult &result : results)
        if (result.decision == "jit no-set")
            missing += " " + result.command.path;
    if (!missing.empty())
        note(context, "no set yet; run `dyldctl build" + missing + "`");
}

void print(const std::vector<CommandResult> &results) {
    printf("%-34s %10s %10s %6s %11s %11s %11s %11s\n", "", "ld.so", "cache", "ratio", "quartiles", "faults",
           "calls", "to entry");
    for (const CommandResult &result : results) {
        std::string name = result.command.path.substr(result.command.path.rfind('/') + 1);
        for (size_t i = 1; i < result.command.arguments.size(); i++)
            name += " " + result.command.arguments[i];
        char faults[64], calls[64], entry[64];
        snprintf(faults, sizeof faults, "%.0f > %.0f", result.plain.minor_faults.median,
                 result.shared.minor_faults.median);
        snprintf(calls, sizeof calls, "%lld > %lld", (long long)result.plain.syscalls.total,
                 (long long)result.shared.syscalls.total);
        snprintf(entry, sizeof entry, "%lld > %lld", (long long)result.plain.syscalls.before_entry,
                 (long long)result.shared.syscalls.before_entry);
        printf("%-34s %7.0f us %7.0f us %6.2f %5.2f-%-5.2f %11s %11s %11s\n", name.c_str(),
               result.plain.microseconds.median, result.shared.microseconds.median, result.ratio,
               result.paired.lower_quartile, result.paired.upper_quartile, faults, calls, entry);
        if (result.decision.compare(0, 8, "prebuilt") != 0)
            printf("    %s\n", coloured(Colour::Bad, "not prebuilt: " + result.decision).c_str());
    }
}

} // namespace

void add_bench(CLI::App &app, Context &context) {
    auto options = std::make_shared<BenchOptions>();
    CLI::App *command = app.add_subcommand("bench", "start time from the cache as a ratio to ld.so");
    command->add_option(
        "PROGRAM", options->programs,
        "programs, or \"PROGRAM ARGUMENT...\" (default argument: --version; default programs: an "
        "empty main and usual ones)");
    command->add_option("--runs,-n", options->runs, "starts per program and side")
        ->check(CLI::Range(1U, 1000000U));
    command->add_option("--empty", options->empty, "another program for the empty main");
    command->add_option("--cpu", options->cpu, "CPU to run on (default: the last one allowed)");
    command->add_option("--chart", options->chart, "write a chart to FILE.svg or FILE.png (needs gnuplot)");
    command->callback([options, &context] {
        if (Done allowed = options->cpu ? check_cpu(*options->cpu) : Success{}; !allowed.ok())
            return fail(context, allowed.error(), kUsage);
        Outcome<std::vector<CommandResult>> results = bench(context, *options);
        if (!results.ok())
            return fail(context, results.error());
        tell_missing(context, results.value());
        if (context.json)
            print_json(to_json(results.value(), *options));
        else
            print(results.value());
        if (options->chart.empty())
            return;
        if (Done written = write_chart(results.value(), options->chart); !written.ok())
            return fail(context, written.error());
        if (!context.json)
            printf("chart: %s\n", options->chart.c_str());
    });
}

} // namespace sharedregion
