// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/compare.h"

#include <cerrno>
#include <sched.h>

namespace sharedregion {

namespace {

// Starts before the first that counts: files come into the page cache.
constexpr unsigned kWarmUps = 3;
constexpr unsigned kReportEvery = 16;

struct Samples {
    std::vector<double> microseconds, minor_faults;
    int status = 0;

    void add(const SpawnSample &sample) {
        microseconds.push_back(double(sample.nanoseconds) / 1000);
        minor_faults.push_back(double(sample.minor_faults));
        status = sample.status;
    }
    SideResult result(const SyscallCount &syscalls) const {
        return SideResult{summarize(microseconds), summarize(minor_faults), syscalls, status};
    }
};

Failure about(const BenchCommand &command, Failure failure) {
    failure.file = command.path;
    return failure;
}

Outcome<std::string> decision_of(SpawnServer *server, unsigned index) {
    const std::string prefix = "dyld: ";
    std::string line = TRY(server->first_error_line(index, "DYLD_PRINT_LOADERS=only"));
    return line.compare(0, prefix.size(), prefix) == 0 ? line.substr(prefix.size()) : "none";
}

// Starts both sides in turn, the order changing each time: neither always follows the other.
Done spawn_pairs(SpawnServer *plain, SpawnServer *shared, unsigned index, unsigned runs,
                 Samples *plain_samples, Samples *shared_samples, const std::function<void(unsigned)> &done) {
    for (unsigned run = 0; run < runs; run++) {
        bool plain_first = run % 2 == 0;
        SpawnSample first = TRY((plain_first ? plain : shared)->spawn(index));
        SpawnSample second = TRY((plain_first ? shared : plain)->spawn(index));
        plain_samples->add(plain_first ? first : second);
        shared_samples->add(plain_first ? second : first);
        if (run % kReportEvery == 0)
            done(run);
    }
    return Success{};
}

Outcome<CommandResult> compare_one(const BenchCommand &command, unsigned index, SpawnServer *plain,
                                   SpawnServer *shared, unsigned runs,
                                   const std::function<void(unsigned)> &done) {
    Samples plain_samples, shared_samples, ignored;
    CommandResult result;
    result.command = command;
    result.decision = TRY(decision_of(shared, index));
    TRY(spawn_pairs(plain, shared, index, kWarmUps, &ignored, &ignored, [](unsigned) {}));
    TRY(spawn_pairs(plain, shared, index, runs, &plain_samples, &shared_samples, done));
    SyscallCount plain_calls = TRY(plain->count_syscalls(index));
    SyscallCount shared_calls = TRY(shared->count_syscalls(index));
    result.plain = plain_samples.result(plain_calls);
    result.shared = shared_samples.result(shared_calls);
    result.ratio = result.shared.microseconds.median / result.plain.microseconds.median;
    std::vector<double> ratios;
    for (unsigned run = 0; run < runs; run++)
        ratios.push_back(shared_samples.microseconds[run] / plain_samples.microseconds[run]);
    result.paired = summarize(std::move(ratios));
    return result;
}

} // namespace

Outcome<std::vector<CommandResult>> compare(const std::vector<BenchCommand> &commands, SpawnServer *plain,
                                            SpawnServer *shared, const CompareOptions &options) {
    std::vector<CommandResult> results;
    for (unsigned index = 0; index < commands.size(); index++) {
        auto done = [&](unsigned run) {
            if (options.progress)
                options.progress(index * options.runs + run, unsigned(commands.size()) * options.runs);
        };
        Outcome<CommandResult> result =
            compare_one(commands[index], index, plain, shared, options.runs, done);
        if (!result.ok())
            return about(commands[index], std::move(result.error()));
        results.push_back(std::move(result.value()));
    }
    return results;
}

Done check_cpu(unsigned cpu) {
    cpu_set_t cpus;
    if (sched_getaffinity(0, sizeof cpus, &cpus) != 0)
        return Failure::system(errno, "", "cannot find out which CPUs are allowed");
    if (cpu < CPU_SETSIZE && CPU_ISSET(cpu, &cpus))
        return Success{};
    std::string allowed;
    for (unsigned other = 0; other < CPU_SETSIZE; other++)
        if (CPU_ISSET(other, &cpus))
            allowed += " " + std::to_string(other);
    return Failure::about("CPU " + std::to_string(cpu), "may not be used here; allowed are:" + allowed);
}

int choose_cpu() {
    cpu_set_t cpus;
    if (sched_getaffinity(0, sizeof cpus, &cpus) != 0)
        return -1;
    for (int cpu = CPU_SETSIZE - 1; cpu >= 0; cpu--)
        if (CPU_ISSET(cpu, &cpus))
            return cpu;
    return -1;
}

} // namespace sharedregion
