# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Which tests of the kernel module run together, and in which machine (selftests/qemu/plan-boots says the form).

# Alone: its loads and unloads rewrite open_exec() (the probe) and the signals' tracepoint while programs start. All others
# load once, and need processors that run at the same time on each QEMU.
# With a second build of the module, for a kernel without kprobes.
# shellcheck disable=SC2154 # kernel: of who reads this
boot exec --rewrites-code --file "out/kmod/$kernel-without-kprobes/shared_region.ko=test/without_kprobes.ko" -- interpreter_module_test

# With real libraries and their slide lists; and system calls of x32, which Debian has switched off.
boot callers --append 'syscall.x32=y' --file /lib/x86_64-linux-gnu/libc.so.6=test/relr.so \
    --file /usr/lib/x86_64-linux-gnu/libstdc++.so.6=test/rela.so -- configure_test environment_test

# Whatever needs nothing special.
boot all -- ...

# Sharpest for stale translations: without PTI and PCIDs nothing but the module's own flush empties the TLB.
boot stale --timeout 240 --append 'pti=off nopcid' -- coherence_test

# Fault injection is in no distribution's kernel.
boot injection --kernels 'lockdep kasan' -- injection_test

# Figures: one instruction is one nanosecond (debug kernels would count themselves).
boot cost --icount --kernels '6.1 6.12' -- cost_test

# Damage: swap on zram, little memory; two NUMA nodes, between which balancing moves pages.
boot swap --debian-module zram --mem 512M --timeout 240 -- vm_calls_test vm_effects_test swap_test pressure_test
boot numa --nodes 2 --mem 1G -- numa_test

# A page of 1 GiB.
boot huge --mem 2304M --append 'hugepagesz=1G hugepages=1' --kernels '6.1 6.12' -- huge_page_test

# The same without leaves of 2 MiB: every slot has a table.
boot small --parameters 'large_pages=0' -- counts_test attach_test mapping_test
boot large -- counts_test attach_test mapping_test
