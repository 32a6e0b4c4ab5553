// SPDX-License-Identifier: GPL-2.0-or-later
#include "builder/capture/process_facts.h"

#include "builder/capture/dont_care.h"
#include "sharedregion/units.h"

#include <cstdio>
#include <cstring>
#include <elf.h>
#include <sys/auxv.h>

namespace sharedregion {

namespace {

constexpr uint64_t kMaxAuxvEntries = 64; // the kernel has about 25 (AT_VECTOR_SIZE)

struct Auxv {
    uint64_t base = 0, entry = 0, random = 0, platform = 0, exec_fn = 0, vdso = 0, secure = 0;
    uint64_t count = 0; // entries with AT_NULL; 0: no end found
};

Auxv parse_auxv(const uint64_t *words, uint64_t entries) {
    Auxv auxv;
    for (uint64_t i = 0; i < entries; i++) {
        uint64_t value = words[2 * i + 1];
        switch (words[2 * i]) {
        case AT_NULL:
            auxv.count = i + 1;
            return auxv;
        case AT_BASE:
            auxv.base = value;
            break;
        case AT_ENTRY:
            auxv.entry = value;
            break;
        case AT_RANDOM:
            auxv.random = value;
            break;
        case AT_PLATFORM:
            auxv.platform = value;
            break;
        case AT_EXECFN:
            auxv.exec_fn = value;
            break;
        case AT_SYSINFO_EHDR:
            auxv.vdso = value;
            break;
        case AT_SECURE:
            auxv.secure = value;
            break;
        }
    }
    return auxv;
}

// Start of the heap: field 47 (start_brk) of /proc/PID/stat (proc(5)); 0 where it cannot be read.
uint64_t read_program_break(const Tracee &tracee) {
    FILE *file = fopen(tracee.proc_path("stat").c_str(), "re");
    if (file == nullptr)
        return 0;
    char line[2048];
    size_t size = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    line[size] = 0;
    const char *at = strrchr(line, ')'); // ends field 2, which may hold anything
    for (int field = 2; at != nullptr && field < 47; field++)
        at = strchr(at + 1, ' ');
    unsigned long long start_brk = 0;
    return at != nullptr && sscanf(at, "%llu", &start_brk) == 1 ? start_brk : 0;
}

// libc's default thread stack: nptl/nptl_init.c rounds the soft RLIMIT_STACK up to a page.
uint64_t stack_limit_word(uint64_t soft_limit) {
    return align_up(soft_limit, kPageSize);
}

// Bytes of the vDSO's image: this process has the same one.
uint64_t vdso_size() {
    const void *own = reinterpret_cast<const void *>(getauxval(AT_SYSINFO_EHDR));
    auto elf = ElfView::open(ByteView(own, own != nullptr ? kVdsoHeaderBytes : 0));
    return elf.ok() ? load_span(elf.value().phdrs()).end : 0;
}

AddressRange moved(const AddressSpan &span, uint64_t bias) {
    return AddressRange{span.begin + bias, span.end + bias};
}

Result<Success, Rejection> fill_random(const Tracee &tracee, RunValues *values) {
    uint64_t random[2];
    TRY(tracee.read(values->of(FixupClass::Random), random, sizeof random));
    values->of(FixupClass::Canary) = random[0] & ~0xffULL;
    values->of(FixupClass::PointerGuard) = random[1];
    return Success{};
}

} // namespace

Result<ProcessFacts, Rejection> read_process_facts(const CaptureSubject &subject, const Variation &variation,
                                                   const Tracee &tracee) {
    user_regs_struct registers = TRY(tracee.registers());
    const uint64_t argc = variation.spawn.argv.size(), envc = variation.spawn.envp.size();
    const uint64_t head = 1 + argc + 1 + envc + 1; // words before auxv
    std::vector<uint64_t> stack(head + 2 * kMaxAuxvEntries);
    // The strings above are longer than what is read too much here, so the read stays in the stack.
    TRY(tracee.read(registers.rsp, stack.data(), head * 8));
    const uint64_t auxv_address = registers.rsp + head * 8;
    uint64_t entries = 0;
    Auxv auxv;
    while (auxv.count == 0 && entries < kMaxAuxvEntries) {
        TRY(tracee.read(auxv_address + entries * 16, &stack[head + entries * 2], 16 * 8));
        entries += 8;
        auxv = parse_auxv(&stack[head], entries);
    }
    if (stack[0] != argc || auxv.count == 0 || auxv.base == 0 || auxv.random == 0)
        return rejected(RejectReason::NoTracing, "the initial stack is not what the ABI says");
    if (auxv.secure != 0)
        return rejected(RejectReason::SetUserId, "the kernel set AT_SECURE");

    ProcessFacts facts = {RunValues{}, auxv.entry};
    RunValues &values = facts.values;
    values.of(FixupClass::Region) = variation.region_base;
    values.of(FixupClass::Program) = auxv.entry - subject.program.facts.header.e_entry;
    values.of(FixupClass::Loader) = auxv.base;
    values.of(FixupClass::StackPointer) = registers.rsp;
    values.of(FixupClass::Environ) = registers.rsp + (1 + argc + 1) * 8;
    values.of(FixupClass::Auxv) = auxv_address;
    values.of(FixupClass::Random) = auxv.random;
    values.of(FixupClass::Platform) = auxv.platform;
    values.of(FixupClass::ExecFn) = auxv.exec_fn;
    values.of(FixupClass::Vdso) = auxv.vdso;
    values.of(FixupClass::ProgramBreak) = read_program_break(tracee);
    values.of(FixupClass::StackLimit) = stack_limit_word(variation.spawn.stack_limit);
    values.of(FixupClass::ThreadId) = static_cast<uint64_t>(tracee.pid());
    values.of(FixupClass::ArgumentCount) = argc;
    TRY(fill_random(tracee, &values));
    values.region_size = subject.plan.region_size.raw();
    values.argument_bytes = (1 + argc + 1) * 8;
    values.environ_bytes = (envc + 1) * 8;
    values.auxv_bytes = auxv.count * 16;
    values.program = moved(subject.program.span, values.of(FixupClass::Program));
    values.loader = moved(subject.loader.span, auxv.base);
    values.vdso = AddressRange{auxv.vdso, auxv.vdso + vdso_size()};
    values.cpuid_1_ebx = cpuid_1_ebx(variation.spawn.cpu);
    return facts;
}

} // namespace sharedregion
