// SPDX-License-Identifier: GPL-2.0-or-later
// First stage of ld-dyld.so: decides whether this start may be prebuilt, and finds set and cache for it.
//
// Runs before anything is relocated, in the few KB of slack behind ld.so's text: no globals, no libc, no
// write outside the stack. Every doubt ends in the genuine entry point, as if we did not exist: the tail
// (shared/tail.h) leads there.
#include "libdyldshim/shared/same_file.h"
#include "libdyldshim/shared/syscalls.h"
#include "libdyldshim/shared/tail.h"
#include "libdyldshim/stage1/program.h"
#include "libdyldshim/stage1/region_file.h"

extern "C" const sharedregion::LoaderConfig loader_config;
extern "C" const char _start[];

namespace sharedregion {
namespace {

// Maps the cache's text where the region lies: as much of it as the set needs.
JitReason map_cache(const LaunchRequest &request) {
    long mapped = sys_mmap(request.region->base, request.text_size, PROT_READ | PROT_EXEC,
                           MAP_PRIVATE | MAP_FIXED_NOREPLACE, request.cache_fd, 0);
    if (!is_error(mapped))
        return JitReason::None;
    // Other errors than these two are about the file; EPERM: it lies on a noexec file system.
    return mapped == -EEXIST || mapped == -ENOMEM ? JitReason::AddressSpace : JitReason::CacheFile;
}

// Whether the open cache is the very file that activation verified, not rewritten since.
bool is_cache_of(const RegionHeader &region, int fd) {
    struct stat st;
    return sys_fstat(fd, &st) == 0 && is_same_file(st, region.cache);
}

// One set: does not return if the program can start from it; else nothing of it stays mapped.
JitReason try_set(LaunchRequest *request) {
    const RegionHeader &region = *request->region;
    request->detail =
        reinterpret_cast<const char *>(&region) + region.strings.offset + region.cache_path.offset;
    request->cache_fd = sys_open(request->detail);
    JitReason reason = JitReason::CacheFile;
    if (request->cache_fd < 0)
        return reason;
    if (is_cache_of(region, request->cache_fd))
        reason = map_cache(*request);
    if (reason == JitReason::None) {
        reason = reinterpret_cast<SecondStage>(region.base + region.loader_entry)(request);
        sys_munmap(region.base, region.region_size);
    }
    sys_close(request->cache_fd);
    return reason;
}

// Tries the sets of this program; returns only with a reason why none of them will do.
JitReason try_sets(const StartArgs &args, LaunchRequest *request) {
    ProgramImage program = find_program(args);
    request->program_bias = program.bias;
    JitReason reason = JitReason::NoSet;
    uint64_t probe = 0;
    while (program.has_headers && find_set(program.key, &probe, request))
        reason = try_set(request);
    return reason;
}

} // namespace

// Returns where to go on: see Tail.
extern "C" uint64_t stage1_main(uint64_t *stack) {
    StartArgs args(stack);
    Policy policy = read_policy(args);
    LaunchRequest request;
    request.report = policy.report;
    request.stack = stack;
    request.config = &loader_config;
    request.loader_base = as_word(&loader_config) - loader_config.address;
    request.detail = policy.variable;
    JitReason reason = policy.reason;
    if (reason == JitReason::None && args.value(AT_ENTRY) == as_word(_start))
        reason = JitReason::Direct;
    if (reason == JitReason::None)
        reason = open_region_file(args, policy.state, &request);
    if (reason == JitReason::None)
        reason = try_sets(args, &request);
    PlainStart plain = {args, policy, request, reason};
    return reinterpret_cast<Tail>(request.loader_base + loader_config.tail)(&plain);
}

} // namespace sharedregion
