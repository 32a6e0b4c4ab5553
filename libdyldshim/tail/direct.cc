// SPDX-License-Identifier: GPL-2.0-or-later
// The stack that the kernel made stays as it is: the program gets a copy of its words without those of the
// loader's command line, below. So a start that fails has nothing to undo but mappings.
#include "libdyldshim/tail/direct.h"

#include "libdyldshim/shared/descriptor_name.h"
#include "libdyldshim/shared/start_from_cache.h"
#include "libdyldshim/shared/strings.h"
#include "libdyldshim/shared/syscalls.h"
#include "libdyldshim/tail/kernel_view.h"
#include "libdyldshim/tail/map_program.h"
#include "libdyldshim/tail/report.h"

namespace sharedregion {
namespace {

const char *argument(const StartArgs &args, uint64_t index) {
    return reinterpret_cast<const char *>(args.stack()[1 + index]);
}

// A descriptor's number; false: it is none.
bool read_descriptor(const char *text, int *fd) {
    constexpr int kMost = 1 << 24;
    *fd = 0;
    for (; *text >= '0' && *text <= '9' && *fd < kMost; text++)
        *fd = *fd * 10 + (*text - '0');
    return *text == 0;
}

// What the command line asks for; false: for something that only the genuine ld.so does. It looks for a name
// without a slash where libraries are.
bool read_command(const StartArgs &args, DirectCommand *command) {
    uint64_t at = 1;
    if (args.argc() > 5 && equal_strings(argument(args, 1), "--fd") &&
        read_descriptor(argument(args, 2), &command->fd))
        at = 3;
    if (args.argc() > at + 2 && equal_strings(argument(args, at), "--argv0")) {
        command->by_shim = true;
        command->argv0 = argument(args, at + 1);
        at += 2;
    }
    if (args.argc() <= at)
        return false;
    command->skipped = at;
    command->path = argument(args, at);
    if (!command->by_shim)
        command->argv0 = command->path;
    return *command->path != '-' && has_slash(command->path);
}

uint64_t count_words(const StartArgs &args) {
    const auto *end = reinterpret_cast<const uint64_t *>(args.auxv());
    while (*end != AT_NULL)
        end += 2;
    return static_cast<uint64_t>(end + 2 - args.stack());
}

// argc, argv, envp and auxv as the kernel would have written them for the program, to `out`.
void copy_stack(const StartArgs &args, const DirectCommand &command, uint64_t words, uint64_t *out) {
    out[0] = args.stack()[0] - command.skipped;
    __builtin_memcpy(out + 1, args.stack() + 1 + command.skipped,
                     (words - 1 - command.skipped) * sizeof *out);
    out[1] = as_word(command.argv0);
}

void describe_program(const StartArgs &copy, const DirectCommand &command, const MappedProgram &program,
                      uint64_t loader_base) {
    copy.set_value(AT_PHDR, program.phdr);
    copy.set_value(AT_PHNUM, program.phdr_count);
    copy.set_value(AT_ENTRY, program.entry);
    copy.set_value(AT_BASE, loader_base);
    copy.set_value(AT_EXECFN, as_word(command.path));
}

// Returns only with a reason.
[[gnu::noinline]] JitReason start_mapped(const PlainStart &start, const DirectCommand &command,
                                         const MappedProgram &program) {
    const uint64_t words = count_words(start.args);
    auto *stack = static_cast<uint64_t *>(__builtin_alloca_with_align((words + 2) * sizeof(uint64_t), 128));
    copy_stack(start.args, command, words, stack);
    describe_program(StartArgs(stack), command, program, start.request.loader_base);
    DirectLaunch launch = {start.request, command, start.args, StartArgs(stack)}; // as changed just now
    launch.request.stack = stack;
    launch.request.program_fd = program.fd;
    launch.request.committed = tell_kernel;
    launch.request.direct = &launch;
    JitReason reason = start_from_cache(launch.args, start.policy, &launch.request);
    start.request = launch.request;
    start.request.program_fd = -1;
    start.request.committed = nullptr;
    return reason;
}

JitReason try_directly(const PlainStart &start, const DirectCommand &command) {
    MappedProgram program;
    const DescriptorName link(command.fd);
    if (!map_program(command.fd >= 0 ? link.text : command.path, &program))
        return JitReason::Direct;
    // ARGV0 before PROGRAM becomes PROGRAM before ARGV0: the program's arguments lie together then, which is
    // what /proc/PID/cmdline and programs that overwrite their title expect.
    DirectCommand swapped = command;
    if (command.by_shim)
        swap_strings(&swapped.argv0, &swapped.path);
    JitReason reason = start_mapped(start, swapped, program);
    if (command.by_shim)
        swap_strings(&swapped.path, &swapped.argv0);
    unmap_program(program);
    return reason;
}

// What secure mode takes out of the environment before anything can read it: it must not come back where the
// second execve is none that the kernel calls secure.
void drop_unsafe_variables(const StartArgs &copy) {
    auto **to = const_cast<const char **>(copy.envp());
    for (const char *const *from = to; *from != nullptr; from++)
        if (!after_prefix(*from, "LD_") && !after_prefix(*from, "GLIBC_TUNABLES="))
            *to++ = *from;
    *to = nullptr;
}

// The shim's way is no better than a plain one here.
[[gnu::noinline]] void execute_plainly(const PlainStart &start, const DirectCommand &command) {
    const uint64_t words = count_words(start.args);
    auto *stack = static_cast<uint64_t *>(__builtin_alloca(words * sizeof(uint64_t)));
    copy_stack(start.args, command, words, stack);
    const StartArgs copy(stack);
    if (start.reason == JitReason::Secure)
        drop_unsafe_variables(copy);
    if (command.fd < 0) {
        syscall3(__NR_execve, as_word(command.path), as_word(stack + 1), as_word(copy.envp()));
        return;
    }
    syscall3(__NR_fcntl, static_cast<unsigned>(command.fd), F_SETFD, FD_CLOEXEC);
    syscall6(__NR_execveat, static_cast<unsigned>(command.fd), as_word(""), as_word(stack + 1),
             as_word(copy.envp()), AT_EMPTY_PATH);
    sys_exit(127); // the genuine ld.so has no such option
}

} // namespace

void start_directly(PlainStart *start) {
    DirectCommand command;
    if (!read_command(start->args, &command))
        return;
    start->reason = try_directly(*start, command);
    if (!command.by_shim)
        return;
    report_jit(*start);
    execute_plainly(*start, command);
}

void leave_secure(const PlainStart &start) {
    DirectCommand command;
    if (start.args.value(AT_BASE) == 0 && read_command(start.args, &command) && command.by_shim)
        execute_plainly(start, command);
}

} // namespace sharedregion
