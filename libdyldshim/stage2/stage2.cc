// SPDX-License-Identifier: GPL-2.0-or-later
// Second stage of ld-dyld.so: starts a program from its set. Lies in the shared cache.
//
// Order: check everything; make all mappings, each of which may fail; then write over the
// executable, which cannot fail and cannot be undone; then kernel state; then go on in the genuine ld.so.
#include "libdyldshim/shared/strings.h"
#include "libdyldshim/shared/syscalls.h"
#include "libdyldshim/shared/user_set.h"
#include "libdyldshim/stage2/attach.h"
#include "libdyldshim/stage2/fixups.h"
#include "libdyldshim/stage2/kernel_state.h"
#include "libdyldshim/stage2/map_set.h"
#include "libdyldshim/stage2/override.h"
#include "libdyldshim/stage2/validity.h"

extern "C" [[noreturn]] void resume_program(uint64_t *stack, uint64_t program_entry, uint64_t target);

namespace sharedregion {
namespace {

void append_hex(TextBuffer *out, const uint8_t *bytes, unsigned count) {
    for (unsigned i = 0; i < 2 * count; i++) {
        char digit[] = {"0123456789abcdef"[bytes[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15], 0};
        append(out, digit);
    }
}

// `dyld: prebuilt UUID`, and `own` where the set is the user's, if anybody asked. After the last step that
// can lead to a plain start.
void report_prebuilt(const Start &start) {
    if (start.request->report == Report::Quiet)
        return;
    char line[72];
    TextBuffer text = {line, line + sizeof line};
    append(&text, "dyld: prebuilt ");
    append_hex(&text, start.region().cache_uuid.bytes, sizeof(Uuid));
    append(&text, start.request->set_fd >= 0 ? " own" : "");
    append(&text, start.request->in_kernel ? " kernel\n" : "\n");
    sys_write(2, line, static_cast<uint64_t>(text.at - line));
    if (start.request->report == Report::Only)
        sys_exit(0);
}

void close_files(const LaunchRequest &request) {
    auto low = static_cast<unsigned>(request.region_fd);
    auto high = static_cast<unsigned>(request.cache_fd);
    if (high == low + 1 && syscall3(__NR_close_range, low, high) == 0)
        return;
    sys_close(request.region_fd);
    if (!request.in_kernel)
        sys_close(request.cache_fd);
}

void close_all(const LaunchRequest &request) {
    close_files(request);
    if (request.set_fd >= 0)
        sys_close(request.set_fd);
}

[[noreturn]] void give_up(const char *message) {
    sys_write(2, message, length_of(message));
    sys_exit(127);
}

// gdb has a breakpoint in the ld.so that the kernel mapped, and reads the link maps when it is hit. (Later
// calls come from the region's ld.so by way of its debug hook: builder/capture/debug_hook.h.)
void tell_debugger(const Start &start) {
    if (uint64_t offset = start.set.header().debug_state)
        reinterpret_cast<void (*)()>(start.request->loader_base + offset)();
}

// From here on the process is changed in ways that a plain start could not undo.
[[noreturn]] void commit(const Start &start) {
    if (start.request->committed != nullptr)
        start.request->committed(*start.request->direct);
    close_all(*start.request);
    copy_pages(start);
    apply_fixups(start);
    if (!protect_pages(start))
        give_up("dyld: cannot make relocated data read-only: mprotect failed\n");
    if (!restore_kernel_state(start))
        give_up("dyld: cannot set the thread pointer: arch_prctl failed\n");
    tell_debugger(start);
    resume_program(start.args.stack(), start.args.value(AT_ENTRY),
                   start.region().base + start.set.header().resume);
}

JitReason start_from(LaunchRequest *request, const void *set);

// Tries the user's own set of a program that the user owns. Comes back if there is none that holds.
[[gnu::noinline]] void try_override(const Start &start) {
    LaunchRequest own = *start.request;
    FileIdentity identity;
    if (own.in_kernel || !find_override(start, &own, &identity))
        return;
    start_from(&own, map_set(&own));
    drop_user_set(&own);
}

// Does not return if the program can start from the set; else nothing was changed.
JitReason start_from(LaunchRequest *request, const void *set) {
    auto view = SetView::open(ByteView(set, request->set_size));
    if (!view.ok())
        return JitReason::Format;
    StartArgs args(request->stack);
    Start start = {request, args, view.value()};
    JitReason reason = check_validity(&start);
    if (may_override(start)) {
        if (leave_to_tail(start))
            return JitReason::ProgramChanged;
        try_override(start);
    }
    if (reason != JitReason::None)
        return reason;
    if (!attach_data(start))
        return JitReason::AddressSpace;
    if (request->set_fd >= 0 && !is_unchanged(*request)) // written in place meanwhile
        return JitReason::Format;
    report_prebuilt(start);
    commit(start);
}

} // namespace

extern "C" JitReason stage2_main(LaunchRequest *request) {
    if (request->version != kLaunchVersion)
        return JitReason::Format;
    request->detail = nullptr;
    const void *set = map_set(request);
    return set != nullptr ? start_from(request, set) : JitReason::AddressSpace;
}

} // namespace sharedregion
