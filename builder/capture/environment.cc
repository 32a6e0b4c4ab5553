// SPDX-License-Identifier: GPL-2.0-or-later
// read_environment(): what sets depend on besides files of their own.
#include "builder/capture/capture.h"

#include "builder/capture/elf_facts.h"

#include <cpuid.h>
#include <cstring>
#include <sys/auxv.h>

namespace sharedregion {

namespace {

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

// XCR0: which register state the kernel lets programs use; ld.so sizes its save area by it. 0 where the
// CPU has no xgetbv (Intel SDM vol. 1, 13.3).
uint64_t read_xcr0() {
    unsigned eax, ebx, ecx, edx;
    if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0 || (ecx & bit_OSXSAVE) == 0)
        return 0;
    unsigned low, high;
    asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return uint64_t(high) << 32 | low;
}

FileIdentity identity_or_none(const char *path) {
    auto identity = identity_of_path(path);
    return identity.ok() ? identity.value() : FileIdentity{};
}

} // namespace

Outcome<Environment> read_environment(const std::string &loader_path) {
    InputFile loader = TRY(InputFile::open(loader_path));
    Environment environment = {};
    environment.hwcap = getauxval(AT_HWCAP);
    environment.hwcap2 = getauxval(AT_HWCAP2);
    environment.minsigstksz = getauxval(AT_MINSIGSTKSZ);
    environment.xcr0 = read_xcr0();
    environment.vdso_hash = hash_vdso(reinterpret_cast<const void *>(getauxval(AT_SYSINFO_EHDR)));
    environment.page_size = getauxval(AT_PAGESZ);
    if (auto *platform = reinterpret_cast<const char *>(getauxval(AT_PLATFORM)))
        std::strncpy(environment.platform, platform, sizeof environment.platform - 1);
    environment.loader_build_id = TRY(read_elf_facts(loader)).build_id;
    environment.loader = loader.identity();
    environment.loader_cache = identity_or_none("/etc/ld.so.cache");
    environment.loader_preload = identity_or_none("/etc/ld.so.preload");
    return environment;
}

} // namespace sharedregion
