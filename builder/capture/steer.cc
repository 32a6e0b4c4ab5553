// SPDX-License-Identifier: GPL-2.0-or-later
// The facts about ld.so used here are those of glibc 2.31 to 2.41: elf/dl-load.c (_dl_map_object,
// open_path), elf/dl-map-segments.h, elf/dl-cache.c, elf/dl-minimal-malloc.c, sysdeps/x86_64/nptl/tls.h.
#include "builder/capture/steer.h"

#include "builder/capture/system_call_name.h"
#include "builder/capture/tidy_path.h"
#include "sharedregion/file_identity.h"
#include "sharedregion/units.h"

#include <algorithm>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sharedregion {

namespace {

constexpr const char *kCacheFile = "/etc/ld.so.cache";
constexpr const char *kPreloadFile = "/etc/ld.so.preload";
constexpr uint64_t kScratchGap = 1 << 20; // keeps pointers behind the region's end apart from scratch
constexpr uint64_t kArchSetFs = 0x1002;   // asm/prctl.h
constexpr uint64_t kArchCetStatus = 0x3001;
constexpr size_t kMaxMessage = 1024;

std::string hex(uint64_t value) {
    char text[24];
    snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
    return text;
}

bool same_file(const FileIdentity &a, const FileIdentity &b) {
    return a.dev == b.dev && a.ino == b.ino;
}

std::string fd_path(const Tracee &tracee, int fd) {
    return tracee.proc_path("fd/") + std::to_string(fd);
}

std::string fd_target(const Tracee &tracee, int fd) {
    char target[4096];
    ssize_t length = readlink(fd_path(tracee, fd).c_str(), target, sizeof target);
    return length > 0 ? std::string(target, static_cast<size_t>(length)) : "?";
}

// The only descriptor besides the standard streams; -1 where there is none or more than one. ld.so
// has one library open at a time.
int only_open_fd(const Tracee &tracee) {
    DIR *directory = opendir(tracee.proc_path("fd").c_str());
    if (directory == nullptr)
        return -1;
    int found = -1, count = 0;
    while (dirent *entry = readdir(directory)) {
        int fd = entry->d_name[0] == '.' ? 0 : atoi(entry->d_name);
        if (fd > 2) {
            found = fd;
            count++;
        }
    }
    closedir(directory);
    return count == 1 ? found : -1;
}

} // namespace

// A system call at its entry, and how to change it.
struct Steering::Call {
    Tracee &tracee;
    user_regs_struct registers;

    uint64_t number() const { return registers.orig_rax; }
    uint64_t argument(unsigned index) const {
        const unsigned long long *const places[] = {&registers.rdi, &registers.rsi, &registers.rdx,
                                                    &registers.r10, &registers.r8,  &registers.r9};
        return *places[index];
    }
    // Instead of the kernel's choice, the mapping goes to `address`, or fails if that is taken.
    Handled move_mapping(uint64_t address) {
        registers.rdi = address;
        registers.r10 |= MAP_FIXED_NOREPLACE;
        return tracee.set_registers(registers);
    }
    Handled skip() {
        registers.orig_rax = ~0ULL;
        registers.rax = 0;
        return tracee.set_registers(registers);
    }
    Rejection unexpected(const std::string &why = "") const {
        return rejected(RejectReason::UnexpectedSystemCall,
                        system_call_name(number()) + (why.empty() ? "" : ": " + why));
    }
};

Steering::Steering(const SteeringPlan &plan, uint64_t region_base, AddressRange program, AddressRange loader)
    : plan_(plan), region_base_(region_base), program_(program), loader_(loader) {
    uint64_t heap = region_base + plan.heap_offset.raw();
    log_.heap = AddressRange{heap, heap};
    next_file_ = region_base + align_up(plan.region_size.raw(), kScratchGap) + kScratchGap;
    log_.files = AddressRange{next_file_, next_file_};
}

Result<Success, Rejection> Steering::handle(Tracee &tracee) {
    Call call{tracee, TRY(tracee.registers())};
    switch (call.number()) {
    case SYS_mmap:
        return on_mmap(call);
    case SYS_munmap:
        return on_munmap(call);
    case SYS_mprotect:
        return on_mprotect(call);
    case SYS_openat:
        TRY(check_open_flags(call, call.argument(1), call.argument(2)));
        return on_lookup(call, static_cast<int>(call.argument(0)), call.argument(1), true);
    case SYS_open:
        TRY(check_open_flags(call, call.argument(0), call.argument(1)));
        return on_lookup(call, AT_FDCWD, call.argument(0), true);
    case SYS_newfstatat:
        return on_lookup(call, static_cast<int>(call.argument(0)), call.argument(1), false);
    case SYS_stat:
        return on_lookup(call, AT_FDCWD, call.argument(0), false);
    case SYS_readlink:
        return on_readlink(call, call.argument(0));
    case SYS_readlinkat:
        return on_readlink(call, call.argument(1));
    case SYS_set_tid_address:
        log_.tid_address = call.argument(0);
        return Success{};
    case SYS_arch_prctl:
        return on_arch_prctl(call);
    case SYS_set_robust_list:
        log_.robust_list = call.argument(0);
        log_.robust_list_size = call.argument(1);
        return Success{};
    case SYS_rseq:
        return on_rseq(call);
    case SYS_write:
    case SYS_writev:
        return on_write(call);
    default:
        return call.unexpected();
    }
}

Steering::Handled Steering::on_mmap(Call &call) {
    uint64_t protection = call.argument(2), flags = call.argument(3);
    if ((flags & MAP_TYPE) != MAP_PRIVATE)
        return call.unexpected("shared mapping");
    if (call.argument(0) != 0)
        return call.unexpected("address hint"); // prelinked libraries; ld.so gives none otherwise
    if ((flags & MAP_ANONYMOUS) == 0)
        return map_file(call, static_cast<int>(call.argument(4)));
    if (protection == (PROT_READ | PROT_WRITE))
        return map_heap(call);
    if (protection != PROT_NONE)
        return call.unexpected("anonymous memory that is not read-write");
    // The reservation for a library with p_align > 4 KiB, which is open and was just read.
    int fd = only_open_fd(call.tracee);
    if (fd < 0)
        return call.unexpected("reservation, but no library is open");
    return map_file(call, fd);
}

Steering::Handled Steering::map_file(Call &call, int fd) {
    struct stat info;
    if (stat(fd_path(call.tracee, fd).c_str(), &info) != 0)
        return rejected(RejectReason::NoTracing, std::string("stat of an open library: ") + strerror(errno));
    FileIdentity identity = identity_of(info);
    for (const PlannedImage &image : plan_.images)
        if (same_file(image.identity, identity)) {
            if (!(image.identity == identity))
                return rejected(RejectReason::LibraryChanged, image.path);
            return map_image(call, image);
        }
    std::string path = fd_target(call.tracee, fd);
    if (path != kCacheFile && path != kPreloadFile)
        return rejected(RejectReason::UnplannedLibrary, path);
    // ld.so unmaps these two; their place is known so that a dangling pointer into them is recognised.
    uint64_t address = next_file_;
    next_file_ += align_up(call.argument(1), kPageSize);
    log_.files.end = next_file_;
    return call.move_mapping(address);
}

Steering::Handled Steering::map_image(Call &call, const PlannedImage &image) {
    uint64_t base = region_base_ + image.base.raw(), length = call.argument(1);
    if (std::find(log_.images.begin(), log_.images.end(), &image) != log_.images.end())
        return call.unexpected("second mapping of " + image.path);
    if ((call.argument(3) & MAP_ANONYMOUS) != 0) {
        // ld.so reserves p_align bytes too much and unmaps what alignment did not need. The planned
        // base is aligned, so all of the excess lies behind the image, where other images may be:
        // reserve just the image, and skip the unmapping (on_munmap).
        excess_ = AddressRange{base + image.size.raw(), base + align_up(length, kPageSize)};
        call.registers.rsi = std::min(length, image.size.raw());
    } else if (align_up(length, kPageSize) > image.size.raw()) {
        return rejected(RejectReason::LibraryChanged, image.path + " is larger than planned");
    }
    log_.images.push_back(&image);
    log_.opened.push_back(last_opened_.empty() ? image.path : tidy_path(last_opened_));
    return call.move_mapping(base);
}

Steering::Handled Steering::map_heap(Call &call) {
    uint64_t address = log_.heap.end, size = align_up(call.argument(1), kPageSize);
    uint64_t limit = region_base_ + plan_.heap_offset.raw() + plan_.heap_size.raw();
    if (size > limit - address)
        return rejected(RejectReason::HeapFull, hex(size) + " bytes more");
    log_.heap.end += size;
    return call.move_mapping(address);
}

Steering::Handled Steering::on_munmap(Call &call) {
    uint64_t address = call.argument(0), size = call.argument(1);
    if (log_.files.holds(address, size))
        return Success{};
    if (excess_.holds(address, size))
        return call.skip();
    return call.unexpected(hex(address));
}

bool Steering::in_image(uint64_t address, uint64_t size) const {
    for (const PlannedImage *image : log_.images) {
        uint64_t base = region_base_ + image->base.raw();
        if (AddressRange{base, base + image->size.raw()}.holds(address, size))
            return true;
    }
    return false;
}

Steering::Handled Steering::on_mprotect(Call &call) {
    uint64_t address = call.argument(0), size = call.argument(1), protection = call.argument(2);
    bool image = in_image(address, size) || program_.holds(address, size);
    if (protection == PROT_READ && (image || loader_.holds(address, size))) {
        log_.protects.push_back(AddressRange{address, address + size});
        return Success{};
    }
    if (protection == PROT_NONE && image) // the gap between two segments
        return Success{};
    if ((protection & PROT_WRITE) != 0 && image)
        return rejected(RejectReason::TextRelocations, "at " + hex(address));
    if ((protection & (PROT_EXEC | PROT_GROWSDOWN)) != 0)
        return rejected(RejectReason::ExecutableStack, "a library wants it");
    return call.unexpected(hex(address));
}

// ld.so only reads. A resolver that opens otherwise could make or empty a file: it is stopped before it does.
Steering::Handled Steering::check_open_flags(Call &call, uint64_t path_address, uint64_t flags) {
    constexpr uint64_t kLargeFile = 0100000; // 0 in user space's <fcntl.h> on x86-64
    if ((static_cast<uint32_t>(flags) & ~(O_CLOEXEC | kLargeFile)) == O_RDONLY)
        return Success{};
    return call.unexpected(call.tracee.read_string(path_address) + " opened with flags " + hex(flags));
}

// What ld.so looks for and does not find must still be missing when the set is used. What it opens
// is known when it is mapped.
Steering::Handled Steering::on_lookup(Call &call, int directory, uint64_t path_address, bool opens) {
    std::string path = call.tracee.read_string(path_address);
    if (path.empty() || path[0] != '/' || directory != AT_FDCWD)
        return rejected(RejectReason::RelativeLibraryPath, path);
    struct stat info;
    if (stat(path.c_str(), &info) != 0) {
        note_absent(path);
        return Success{};
    }
    if (!opens || path == kCacheFile || path == kPreloadFile)
        return Success{};
    last_opened_ = path;
    for (const PlannedImage &image : plan_.images)
        if (same_file(image.identity, identity_of(info)))
            return Success{};
    return rejected(RejectReason::UnplannedLibrary, path);
}

// Of a path whose directories are missing too, the outermost missing one says it all, and one entry
// then covers the many subdirectories (tls/, haswell/, glibc-hwcaps/) that ld.so tries.
void Steering::note_absent(const std::string &lookup) {
    if (lookup == kCacheFile || lookup == kPreloadFile)
        return; // part of Environment
    const std::string path = tidy_path(lookup);
    std::string missing = path;
    for (size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
        std::string parent = path.substr(0, slash);
        struct stat info;
        if (stat(parent.c_str(), &info) != 0) {
            missing = parent;
            break;
        }
    }
    if (std::find(log_.absent.begin(), log_.absent.end(), missing) == log_.absent.end())
        log_.absent.push_back(missing);
}

Steering::Handled Steering::on_readlink(Call &call, uint64_t path_address) {
    std::string path = call.tracee.read_string(path_address);
    if (path != "/proc/self/exe")
        return call.unexpected(path);
    log_.path_dependent = true;
    return Success{};
}

Steering::Handled Steering::on_arch_prctl(Call &call) {
    if (call.argument(0) == kArchCetStatus)
        return Success{};
    if (call.argument(0) != kArchSetFs || log_.fs_base != 0)
        return call.unexpected("code " + hex(call.argument(0)));
    log_.fs_base = call.argument(1);
    return Success{};
}

Steering::Handled Steering::on_rseq(Call &call) {
    if (log_.rseq != 0 || call.argument(2) != 0)
        return call.unexpected("more than one registration");
    log_.rseq = call.argument(0);
    log_.rseq_size = call.argument(1);
    log_.rseq_signature = static_cast<uint32_t>(call.argument(3));
    return Success{};
}

// ld.so tells why it gives up; that is worth more than its exit code.
Steering::Handled Steering::on_write(Call &call) {
    if (call.argument(0) != STDERR_FILENO)
        return call.unexpected();
    auto append = [&](uint64_t address, uint64_t size) {
        std::string text(std::min<uint64_t>(size, kMaxMessage), 0);
        if (log_.message.size() < kMaxMessage && call.tracee.read(address, text.data(), text.size()).ok())
            log_.message += text;
    };
    if (call.number() == SYS_write) {
        append(call.argument(1), call.argument(2));
        return Success{};
    }
    std::vector<iovec> pieces(std::min<uint64_t>(call.argument(2), 64));
    if (call.tracee.read(call.argument(1), pieces.data(), pieces.size() * sizeof(iovec)).ok())
        for (const iovec &piece : pieces)
            append(reinterpret_cast<uint64_t>(piece.iov_base), piece.iov_len);
    return Success{};
}

} // namespace sharedregion
