// SPDX-License-Identifier: GPL-2.0-or-later
#include "libdyldshim/stage2/kernel_state.h"

#include "libdyldshim/shared/syscalls.h"
#include "libdyldshim/stage2/fixups.h"

#include <asm/hwcap2.h>
#include <asm/prctl.h>
#include <linux/rseq.h>

namespace sharedregion {
namespace {

bool set_fs_base(const Start &start, uint64_t address) {
    if ((start.args.value(AT_HWCAP2) & HWCAP2_FSGSBASE) != 0) {
        asm volatile("wrfsbase %0" : : "r"(address));
        return true;
    }
    return syscall3(__NR_arch_prctl, ARCH_SET_FS, address) == 0;
}

// As glibc's rseq_register_current_thread(): on failure the area says so, and glibc goes without.
void register_rseq(const Start &start) {
    const SetHeader &set = start.set.header();
    auto *area = reinterpret_cast<struct rseq *>(start.region().base + set.rseq);
    if (syscall6(__NR_rseq, as_word(area), set.rseq_size, 0, set.rseq_signature) != 0)
        area->cpu_id = static_cast<uint32_t>(RSEQ_CPU_ID_REGISTRATION_FAILED);
}

} // namespace

bool restore_kernel_state(const Start &start) {
    const SetHeader &set = start.set.header();
    uint64_t base = start.region().base;
    long thread_id = syscall3(__NR_set_tid_address, base + set.tid_address);
    set_thread_id(start, static_cast<uint32_t>(thread_id));
    if (!set_fs_base(start, base + set.fs_base))
        return false;
    syscall3(__NR_set_robust_list, base + set.robust_list, set.robust_list_size);
    if (set.rseq != 0)
        register_rseq(start);
    return true;
}

} // namespace sharedregion
