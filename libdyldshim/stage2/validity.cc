// SPDX-License-Identifier: GPL-2.0-or-later
#include "libdyldshim/stage2/validity.h"

#include "libdyldshim/shared/descriptor_name.h"
#include "libdyldshim/shared/strings.h"
#include "libdyldshim/shared/syscalls.h"
#include "sharedregion/elf_view.h"
#include "sharedregion/file_identity.h"

#include <sys/resource.h>

namespace sharedregion {
namespace {

constexpr char kLoaderCache[] = "/etc/ld.so.cache";
constexpr char kLoaderPreload[] = "/etc/ld.so.preload";
constexpr FileIdentity kNoFile = {};

// XCR0: which register states the kernel saves. cpuid would tell more but traps in virtual machines.
uint64_t read_xcr0() {
    uint32_t low, high;
    asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return static_cast<uint64_t>(high) << 32 | low;
}

JitReason check_cpu(const Start &start) {
    const Environment &built = start.region().environment;
    const StartArgs &args = start.args;
    const char *platform = reinterpret_cast<const char *>(args.value(AT_PLATFORM));
    // xcr0 last: equal hwcaps mean a CPU of the same kind, so the instruction exists if it did at build.
    bool same = args.value(AT_HWCAP) == built.hwcap && args.value(AT_HWCAP2) == built.hwcap2 &&
                args.value(AT_MINSIGSTKSZ) == built.minsigstksz && args.value(AT_PAGESZ) == built.page_size &&
                equal_strings(platform != nullptr ? platform : "", built.platform) &&
                (built.xcr0 == 0 || read_xcr0() == built.xcr0);
    return same ? JitReason::None : JitReason::CpuChanged;
}

// A vDSO that activation has seen is not read again, which would be a page fault.
JitReason check_kernel(const Start &start) {
    const void *vdso = reinterpret_cast<const void *>(start.args.value(AT_SYSINFO_EHDR));
    if (vdso != nullptr && (start.region().flags & kRegionVdsoChecked) != 0)
        return JitReason::None;
    return hash_vdso(vdso) == start.region().environment.vdso_hash ? JitReason::None
                                                                   : JitReason::KernelChanged;
}

// ld-dyld.so must have been made from the ld.so that the sets were captured with: same build-id (of the
// copy in memory), or the same file where there is no build-id.
JitReason check_loader(const Start &start) {
    const Environment &built = start.region().environment;
    const LoaderConfig &config = *start.request->config;
    bool same = config.genuine == built.loader;
    if (!same && built.loader_build_id.size != 0) { // the same one, installed again
        auto header =
            ElfView::open(ByteView(reinterpret_cast<void *>(start.request->loader_base), kPageSize));
        same = header.ok() && header.value().build_id() == built.loader_build_id;
    }
    return same ? JitReason::None : JitReason::LoaderChanged;
}

// The program headers in memory: no system call, no race, and right for #! scripts.
JitReason check_program_headers(const Start &start) {
    Span<const Elf64_Phdr> phdrs(reinterpret_cast<const Elf64_Phdr *>(start.args.value(AT_PHDR)),
                                 start.args.value(AT_PHNUM));
    return hash_program_headers(phdrs) == start.set.header().phdr_hash
               ? JitReason::None
               : start.because(JitReason::ProgramChanged, start.set.path());
}

// _dl_find_object's array is sorted by address: a set holds only for the order of its capture.
JitReason check_order(const Start &start) {
    uint64_t region = start.region().base;
    uint64_t vdso = start.args.value(AT_SYSINFO_EHDR);
    uint32_t order = (region > start.request->program_bias ? kOrderRegionAboveProgram : 0) |
                     (vdso > region ? kOrderVdsoAboveRegion : 0);
    return order == start.set.header().order ? JitReason::None : JitReason::AddressOrder;
}

// libc's default pthread stack size, as __pthread_initialize_minimal_internal computes it: the soft
// limit, 2 MiB where there is none, whole pages. Below some size it also depends on the static TLS, which
// only ld.so knows: no such starts.
JitReason check_stack_limit(Start *start) {
    constexpr uint64_t kSmallest = 1 << 20;
    constexpr uint64_t kUnlimited = 2 << 20;
    struct rlimit limit = {};
    if (syscall6(__NR_prlimit64, 0, RLIMIT_STACK, 0, as_word(&limit)) != 0 || limit.rlim_cur < kSmallest)
        return JitReason::AddressSpace;
    uint64_t size = limit.rlim_cur == RLIM_INFINITY ? kUnlimited : limit.rlim_cur;
    start->thread_stack = align_up(size, kPageSize);
    return JitReason::None;
}

// Whether `path` is the very file; kNoFile: whether there is none.
bool is_file(const char *path, const FileIdentity &expected) {
    struct stat st;
    if (expected == kNoFile) {
        long result = syscall3(__NR_access, as_word(path), F_OK);
        return result == -ENOENT || result == -ENOTDIR;
    }
    return sys_stat(path, &st) == 0 && identity_of(st) == expected;
}

// Whether what stat(2) said is the executable, whose owner is noted then.
bool is_program(Start *start, const struct stat &st) {
    if (!(identity_of(st) == start->set.header().identity))
        return false;
    start->program_known = true;
    start->program_owner = st.st_uid;
    return true;
}

bool is_program(Start *start, const char *path) {
    struct stat st;
    return sys_stat(path, &st) == 0 && is_program(start, st);
}

JitReason check_loader_files(const Start &start) {
    const Environment &built = start.region().environment;
    if (!is_file(kLoaderCache, built.loader_cache))
        return JitReason::LoaderCache;
    return is_file(kLoaderPreload, built.loader_preload) ? JitReason::None : JitReason::PreloadFile;
}

// The executable's file: catches what was rewritten in place under the same build-id. The path that was
// executed is looked at first, since the first look into a process's /proc costs as much as 20 others;
// it names another file for #! scripts and for fexecve(3). Nothing else tells which file runs: without /proc
// those are JIT (a build-id does not do, since it stays in a program that was overwritten in place).
JitReason check_program_file(Start *start) {
    const char *executed = reinterpret_cast<const char *>(start->args.value(AT_EXECFN));
    bool same;
    if (start->request->program_fd >= 0) { // the tail opened and mapped it
        struct stat st;
        same = sys_fstat(start->request->program_fd, &st) == 0 && is_program(start, st);
    } else {
        same = (executed != nullptr && is_program(start, executed)) || is_program(start, kOwnProgram);
    }
    return same ? JitReason::None : start->because(JitReason::ProgramChanged, start->set.path());
}

// With $ORIGIN in use the same file under another name finds other libraries. (Not inlined: its buffer would
// move the stack of all other checks to another page.)
[[gnu::noinline]] JitReason check_path(const Start &start) {
    const char *expected = start.set.path();
    char path[4096];
    const DescriptorName link(start.request->program_fd);
    const char *name = start.request->program_fd >= 0 ? link.text : kOwnProgram;
    long size = syscall3(__NR_readlink, as_word(name), as_word(path), sizeof path);
    bool same = size > 0 && static_cast<uint64_t>(size) == length_of(expected) &&
                equal_bytes(path, expected, static_cast<uint64_t>(size));
    return same ? JitReason::None : start.because(JitReason::ProgramChanged, expected);
}

JitReason check_path_if_it_matters(const Start &start) {
    bool matters = (start.set.header().flags & kSetPathDependent) != 0;
    return matters ? check_path(start) : JitReason::None;
}

JitReason check_libraries(const Start &start) {
    for (const SetDependency &dependency : start.set.dependencies()) {
        const char *path = start.set.string(dependency.path);
        if (!is_file(path, dependency.identity))
            return start.because(JitReason::LibraryChanged, path);
    }
    for (uint32_t offset : start.set.absent()) {
        const char *path = start.set.string(offset);
        if (!is_file(path, kNoFile))
            return start.because(JitReason::LibraryShadowed, path);
    }
    return JitReason::None;
}

} // namespace

JitReason check_validity(Start *writable) {
    const Start &start = *writable;
    using Check = JitReason (*)(const Start &);
    // Calls, not a table of pointers: a table would need relocations.
    const auto all = [&](auto... checks) {
        JitReason reason = JitReason::None;
        (void)((reason = static_cast<Check>(checks)(start), reason == JitReason::None) && ...);
        return reason;
    };
    JitReason reason =
        all(check_cpu, check_program_headers, check_order, check_kernel, check_loader, check_loader_files);
    if (reason == JitReason::None)
        reason = check_program_file(writable);
    if (reason == JitReason::None)
        reason = all(check_path_if_it_matters, check_libraries);
    return reason != JitReason::None ? reason : check_stack_limit(writable);
}

} // namespace sharedregion
