// SPDX-License-Identifier: GPL-2.0-or-later
#include "selftests/unit/capture_support.h"

#include "builder/capture/elf_facts.h"
#include "builder/capture/program_file.h"

#include <climits>
#include <cstdlib>
#include <cstring>
#include <set>

namespace sharedregion::test {

namespace {

constexpr uint64_t kAlignment = 2 << 20; // the largest p_align in use
constexpr uint64_t kHeapSize = 16 << 20;

std::string canonical(const std::string &path) {
    char resolved[PATH_MAX];
    return realpath(path.c_str(), resolved) != nullptr ? resolved : "";
}

bool add_library(const std::string &path, uint64_t *next, bool with_base, TestPlan *plan) {
    auto file = InputFile::open(path);
    if (!file.ok())
        return false;
    auto facts = read_elf_facts(file.value());
    if (!facts.ok())
        return false;
    uint64_t size = load_span(facts.value().segments()).end, base = align_up(*next, kAlignment);
    *next = base + size;
    auto index = static_cast<uint32_t>(plan->plan.images.size());
    plan->plan.images.push_back(
        PlannedImage{path, file.value().identity(), VMOffset(base), VMSize(size), index});
    auto ranges = writable_ranges(facts.value().segments());
    if (!with_base || !ranges.ok())
        return true;
    auto contents = read_writable_content(file.value(), facts.value().segments(), ranges.value());
    for (size_t i = 0; contents.ok() && i < contents.value().size(); i++)
        plan->base.add(base + ranges.value()[i].begin, contents.value()[i]);
    return true;
}

} // namespace

const std::byte *RawBaseContent::page(VMOffset offset) const {
    auto found = pages_.find(offset.raw());
    return found == pages_.end() ? nullptr : found->second.data();
}

void RawBaseContent::add(uint64_t offset, const std::vector<std::byte> &pages) {
    for (uint64_t at = 0; at < pages.size(); at += kPageSize)
        pages_[offset + at].assign(pages.begin() + static_cast<ptrdiff_t>(at),
                                   pages.begin() + static_cast<ptrdiff_t>(at + kPageSize));
}

std::vector<std::string> list_libraries(const std::string &program) {
    std::vector<std::string> libraries;
    std::string command = std::string(kLoader) + " --list '" + program + "' 2>/dev/null </dev/null";
    FILE *pipe = popen(command.c_str(), "re");
    char line[PATH_MAX + 256];
    while (pipe != nullptr && fgets(line, sizeof line, pipe) != nullptr) {
        // "\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f...)"
        char *path = strstr(line, "=> /");
        char *end = path != nullptr ? strstr(path, " (0x") : nullptr;
        if (end == nullptr)
            continue;
        std::string library = canonical(std::string(path + 3, end));
        if (!library.empty() && library != canonical(kLoader))
            libraries.push_back(library);
    }
    if (pipe != nullptr)
        pclose(pipe);
    return libraries;
}

std::unique_ptr<TestPlan> make_plan(const std::vector<std::string> &programs, bool with_base) {
    auto plan = std::make_unique<TestPlan>();
    std::set<std::string> seen;
    uint64_t next = kPageSize;
    for (const std::string &program : programs)
        for (const std::string &library : list_libraries(program))
            if (seen.insert(library).second)
                add_library(library, &next, with_base, plan.get());
    plan->plan.loader = plan->plan.images.size();
    add_library(canonical(kLoader), &next, with_base, plan.get());
    plan->plan.heap_offset = VMOffset(align_up(next, kAlignment));
    plan->plan.heap_size = VMSize(kHeapSize);
    plan->plan.region_size = VMSize(plan->plan.heap_offset.raw() + kHeapSize);
    return plan;
}

Result<ProgramCapture, Rejection> capture(const std::string &program, unsigned timeout_ms) {
    auto plan = make_plan({program});
    return capture_program(CaptureRequest{program, kLoader, timeout_ms}, plan->plan, plan->base);
}

std::string fixture(const std::string &name) {
    // Tests lie in out*/bin, fixtures always in out/fixtures.
    std::string test = canonical("/proc/self/exe");
    return canonical(test.substr(0, test.rfind('/')) + "/../../out/fixtures/capture/" + name);
}

std::string find_command(const std::string &name) {
    for (const char *directory : {"/usr/bin/", "/usr/sbin/", "/bin/", "/sbin/"}) {
        std::string path = canonical(directory + name);
        if (!path.empty())
            return path;
    }
    return "";
}

} // namespace sharedregion::test
