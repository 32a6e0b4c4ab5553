// SPDX-License-Identifier: GPL-2.0-or-later
#include "libdyldshim/tail/kernel_view.h"

#include "libdyldshim/shared/descriptor_name.h"
#include "libdyldshim/shared/strings.h"
#include "libdyldshim/shared/syscalls.h"

#include <linux/prctl.h>

namespace sharedregion {
namespace {

// As begin_new_exec() (fs/exec.c) names it; the kernel cuts it off.
void set_name(const char *path) {
    const char *name = path;
    for (const char *at = path; *at != 0; at++)
        if (*at == '/')
            name = at + 1;
    syscall3(__NR_prctl, PR_SET_NAME, as_word(name));
}

// A program without a path has its file's name (Linux 6.14; before, the descriptor's number).
void set_name_of_file(int fd) {
    char path[4096];
    const DescriptorName link(fd);
    long size = syscall3(__NR_readlink, as_word(link.text), as_word(path), sizeof path - 1);
    if (is_error(size))
        return;
    path[size] = 0;
    set_name(path);
}

// Whether it was executed by fexecve(3): "/dev/fd/FD" is no path of it.
bool has_no_path(const DirectCommand &command) {
    const char *fd = command.fd >= 0 ? after_prefix(command.path, "/dev/fd/") : nullptr;
    return fd != nullptr && !has_slash(fd);
}

// Code and data as load_elf_binary() (fs/binfmt_elf.c) tells them.
void describe_segments(const DirectLaunch &launch, struct prctl_mm_map *map) {
    const auto *phdrs = reinterpret_cast<const Elf64_Phdr *>(launch.args.value(AT_PHDR));
    map->start_code = ~0ULL;
    for (uint64_t i = 0; i < launch.args.value(AT_PHNUM); i++) {
        if (phdrs[i].p_type != PT_LOAD)
            continue;
        uint64_t begin = launch.request.program_bias + phdrs[i].p_vaddr, end = begin + phdrs[i].p_filesz;
        if ((phdrs[i].p_flags & PF_X) != 0) {
            map->start_code = begin < map->start_code ? begin : map->start_code;
            map->end_code = end > map->end_code ? end : map->end_code;
        }
        map->start_data = begin > map->start_data ? begin : map->start_data;
        map->end_data = end > map->end_data ? end : map->end_data;
    }
}

// The strings on the stack: arguments, variables, and behind them the path that was executed. So they lie as
// create_elf_tables() leaves them, but the arguments begin with the program's own.
void describe_strings(const DirectLaunch &launch, struct prctl_mm_map *map) {
    const uint64_t executed = launch.kernel.value(AT_EXECFN);
    const char *variable = *launch.args.envp();
    map->arg_start = as_word(launch.command.argv0);
    map->arg_end = map->env_start = variable != nullptr ? as_word(variable) : executed;
    map->env_end = executed;
}

uint32_t auxv_size(const Elf64_auxv_t *auxv) {
    uint32_t size = sizeof *auxv;
    for (; auxv->a_type != AT_NULL; auxv++)
        size += static_cast<uint32_t>(sizeof *auxv);
    return size;
}

// Without CONFIG_CHECKPOINT_RESTORE the kernel has none of this, and says what it said before.
void set_map(const DirectLaunch &launch) {
    struct prctl_mm_map map = {};
    describe_segments(launch, &map);
    describe_strings(launch, &map);
    map.start_brk = map.brk = static_cast<uint64_t>(syscall3(__NR_brk));
    map.start_stack = as_word(launch.args.stack());
    map.auxv = reinterpret_cast<__u64 *>(const_cast<Elf64_auxv_t *>(launch.args.auxv()));
    map.auxv_size = auxv_size(launch.args.auxv());
    map.exe_fd = ~0U;
    syscall6(__NR_prctl, PR_SET_MM, PR_SET_MM_MAP, as_word(&map), sizeof map);
}

void reverse(char *begin, char *end) {
    while (begin < end) {
        char c = *begin;
        *begin++ = *--end;
        *end = c;
    }
}

} // namespace

void swap_strings(const char **first, const char **second) {
    uint64_t first_size = length_of(*first) + 1, second_size = length_of(*second) + 1;
    if (*first + first_size != *second)
        return;
    char *begin = const_cast<char *>(*first), *end = begin + first_size + second_size;
    reverse(begin, begin + first_size);
    reverse(begin + first_size, end);
    reverse(begin, end);
    *second = begin;
    *first = begin + second_size;
}

void tell_kernel(const DirectLaunch &launch) {
    if (has_no_path(launch.command))
        set_name_of_file(launch.request.program_fd);
    else
        set_name(launch.command.path);
    set_map(launch);
    sys_close(launch.request.program_fd);
    if (launch.command.fd >= 0)
        sys_close(launch.command.fd);
}

} // namespace sharedregion
