// SPDX-License-Identifier: GPL-2.0-or-later
// read_environment(): what sets depend on besides files of their own.
#include "builder/capture/capture.h"

#include "builder/capture/elf_facts.h"
#include "sharedregion/machine.h"

namespace sharedregion {

namespace {

FileIdentity identity_or_none(const char *path) {
    auto identity = identity_of_path(path);
    return identity.ok() ? identity.value() : FileIdentity{};
}

} // namespace

Outcome<Environment> read_environment(const std::string &loader_path) {
    InputFile loader = TRY(InputFile::open(loader_path));
    Environment environment = {};
    FileDescriptor auxv(open("/proc/self/auxv", O_RDONLY | O_CLOEXEC));
    if (!read_machine(auxv.get(), &environment))
        return Failure::about("/proc/self/auxv", "cannot be read; mount /proc");
    environment.loader_build_id = TRY(read_elf_facts(loader)).build_id;
    environment.loader = loader.identity();
    environment.loader_cache = identity_or_none("/etc/ld.so.cache");
    environment.loader_preload = identity_or_none("/etc/ld.so.preload");
    return environment;
}

} // namespace sharedregion
