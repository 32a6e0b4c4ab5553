// SPDX-License-Identifier: GPL-2.0-or-later
#include "builder/capture/run.h"

#include "builder/capture/dont_care.h"
#include "builder/capture/filter.h"

#include <atomic>

namespace sharedregion {

namespace {

// Rising region bases that differ in high and low bits (so that a truncated pointer differs too), a
// multiple of 2 MiB: some libraries have p_align 2 MiB. They lie where activation may put a region on every
// machine (daemon/activation/region_area.h), so that the order of addresses is the same.
constexpr uint64_t kRegionBases[kVariations] = {0x6602'1240'0000, 0x6a17'2f60'0000, 0x6e2b'2580'0000};

// The same file by another name: AT_EXECFN and argv[0] get other lengths.
std::string other_spelling(const std::string &path, unsigned index) {
    static constexpr const char *kDetours[kVariations] = {"", "/.", "/.//./."};
    size_t slash = path.rfind('/');
    return path.substr(0, slash) + kDetours[index] + path.substr(slash);
}

std::vector<std::string> arguments(const std::string &path, unsigned index) {
    static constexpr unsigned kCounts[kVariations] = {3, 12, 7};
    std::vector<std::string> argv = {path};
    while (argv.size() < kCounts[index])
        argv.push_back(std::string(argv.size() + 5 * index, 'a'));
    return argv;
}

std::vector<std::string> environment(const std::string &preload, unsigned index, bool lazy) {
    // A name that ld.so does not know keeps the stack's shape without its effect.
    std::vector<std::string> envp = {lazy ? "LD_BIND_NOT_SET=" : "LD_BIND_NOW=1", "PATH=/usr/bin:/bin"};
    if (!preload.empty())
        envp.push_back("LD_PRELOAD=" + preload);
    static constexpr unsigned kCounts[kVariations] = {4, 9, 17};
    while (envp.size() < kCounts[index])
        envp.push_back("VARIATION" + std::to_string(envp.size()) + "=" + std::string(3 + 20 * index, 'e'));
    return envp;
}

// The runs of one program go to different CPUs, as far as there are several: what a CPU says of itself
// differs, and is seen to.
int choose_cpu(unsigned index) {
    thread_local const std::vector<int> cpus = allowed_cpus();
    thread_local unsigned first = 0;
    if (index == 0) {
        // Two threads would otherwise crowd the same CPU with every first run.
        static std::atomic<unsigned> turn = 0;
        first = turn++;
    }
    return cpus.empty() ? -1 : cpus[(first + index) % cpus.size()];
}

} // namespace

Variation make_variation(const CaptureSubject &subject, unsigned index, bool lazy) {
    SpawnOptions spawn;
    spawn.path = other_spelling(subject.program.path, index);
    spawn.argv = arguments(spawn.path, index);
    spawn.envp = environment(subject.preload, index, lazy);
    spawn.stack_limit = (8 << 20) - 4096 * (3 * index + 1) - 100 * index;
    spawn.cpu = choose_cpu(index);
    spawn.timeout_ms = subject.timeout_ms;
    spawn.filter = system_call_filter();
    return Variation{std::move(spawn), kRegionBases[index]};
}

} // namespace sharedregion
