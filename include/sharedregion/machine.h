// SPDX-License-Identifier: GPL-2.0-or-later
// CPU and kernel of this machine, as an Environment (file_header.h) holds them.
//
// Hosted. Reads the auxiliary vector as the kernel wrote it: getauxval(AT_HWCAP) and getauxval(AT_PLATFORM)
// give what ld.so made of it (sysdeps/x86/cpu-features.c: update_active, dl_init_cacheinfo), which is not
// what the start-up code sees.
#pragma once

#include "sharedregion/elf_view.h"
#include "sharedregion/file_header.h"

#include <cpuid.h>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace sharedregion {

#ifndef AT_MINSIGSTKSZ
inline constexpr uint64_t AT_MINSIGSTKSZ = 51; // include/uapi/linux/auxvec.h
#endif

// XCR0: which register state the kernel lets programs use; ld.so sizes its save area by it. 0 where the
// CPU has no xgetbv (Intel SDM vol. 1, 13.3).
inline uint64_t read_xcr0() {
    unsigned eax, ebx, ecx, edx;
    if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0 || (ecx & bit_OSXSAVE) == 0)
        return 0;
    unsigned low, high;
    asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return uint64_t(high) << 32 | low;
}

struct CpuidRegisters {
    unsigned eax, ebx, ecx, edx;
};

// Zeros where the CPU has no such leaf.
inline CpuidRegisters ask_cpuid(unsigned leaf, unsigned subleaf) {
    CpuidRegisters answer = {};
    (void)__get_cpuid_count(leaf, subleaf, &answer.eax, &answer.ebx, &answer.ecx, &answer.edx);
    return answer;
}

// FNV-1a over what cpuid tells of vendor, model and features, and the size of the register state: what IFUNC
// resolvers and ld.so decide by (glibc, sysdeps/x86/cpu-features.c). AT_HWCAP holds only leaf 1's EDX: a CPU
// with AVX2 and one with AVX alone look the same there and in XCR0. Nothing else: processors of one machine
// may differ in the rest (docs/decisions/0019-one-generation-per-cpu.md). Each leaf may trap: this takes some
// 0.1 ms in a virtual machine. `ask` is ask_cpuid(), but in tests.
template <class Ask> uint64_t hash_cpu(Ask ask) {
    constexpr unsigned kAll = ~0U, kWithoutStepping = ~0xfU;
    struct Leaf {
        unsigned leaf, subleaf;
        CpuidRegisters mask;
    };
    static constexpr Leaf kLeaves[] = {
        {0, 0, {0, kAll, kAll, kAll}},             // vendor
        {1, 0, {kWithoutStepping, 0, kAll, kAll}}, // family, model, features
        {7, 0, {0, kAll, kAll, kAll}},             // features
        {7, 1, {kAll, kAll, kAll, kAll}},          // features
        {0xd, 0, {0, kAll, 0, 0}},                 // size of the state that XCR0 enables
        {0xd, 1, {kAll, 0, 0, 0}},                 // xsavec and the like
        {0x19, 0, {0, kAll, 0, 0}},                // Key Locker
        {0x80000001, 0, {0, 0, kAll, kAll}},       // features
    };
    uint64_t hash = kFnvBasis;
    for (const Leaf &at : kLeaves) {
        const CpuidRegisters told = ask(at.leaf, at.subleaf);
        const unsigned kept[] = {told.eax & at.mask.eax, told.ebx & at.mask.ebx, told.ecx & at.mask.ecx,
                                 told.edx & at.mask.edx};
        hash = fnv1a(kept, sizeof kept, hash);
    }
    return hash;
}

// Fills all but the fields about ld.so and its files. `auxv` is /proc/self/auxv; false: it cannot be read.
inline bool read_machine(int auxv, Environment *environment) {
    Elf64_auxv_t entry;
    bool any = false;
    while (read(auxv, &entry, sizeof entry) == sizeof entry) {
        uint64_t value = entry.a_un.a_val;
        any = true;
        if (entry.a_type == AT_HWCAP)
            environment->hwcap = value;
        else if (entry.a_type == AT_HWCAP2)
            environment->hwcap2 = value;
        else if (entry.a_type == AT_MINSIGSTKSZ)
            environment->minsigstksz = value;
        else if (entry.a_type == AT_PAGESZ)
            environment->page_size = value;
        else if (entry.a_type == AT_SYSINFO_EHDR)
            environment->vdso_hash = hash_vdso(reinterpret_cast<const void *>(value));
        else if (entry.a_type == AT_PLATFORM && value != 0)
            std::strncpy(environment->platform, reinterpret_cast<const char *>(value),
                         sizeof environment->platform - 1);
    }
    environment->xcr0 = read_xcr0();
    environment->cpu_hash = hash_cpu(ask_cpuid);
    return any;
}

} // namespace sharedregion
