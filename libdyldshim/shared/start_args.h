// SPDX-License-Identifier: GPL-2.0-or-later
// The initial stack of a process: argc, argv, envp and the auxiliary vector.
//
// Source: System V ABI x86-64, section 3.4.1 (Initial Stack and Register State); getauxval(3).
#pragma once

#include <elf.h>
#include <stdint.h>

namespace sharedregion {

class StartArgs {
  public:
    // `stack` is the stack pointer that the kernel gave: the address of argc.
    explicit StartArgs(uint64_t *stack) : stack_(stack) {
        const uint64_t *words = stack + 1 + stack[0] + 1;
        envp_ = reinterpret_cast<const char *const *>(words);
        while (*words++ != 0) {
        }
        auxv_ = reinterpret_cast<Elf64_auxv_t *>(const_cast<uint64_t *>(words));
        for (const Elf64_auxv_t *entry = auxv_; entry->a_type != AT_NULL; entry++)
            if (entry->a_type < kKnownTypes)
                values_[entry->a_type] = entry->a_un.a_val;
    }

    uint64_t *stack() const { return stack_; }
    uint32_t argc() const { return static_cast<uint32_t>(stack_[0]); }
    const char *const *envp() const { return envp_; } // ends with a null pointer
    const Elf64_auxv_t *auxv() const { return auxv_; }

    // The value of a type known here; 0 where the kernel gave none.
    uint64_t value(uint64_t type) const { return values_[type]; }

    // Changes what later readers of the vector see; nothing where the kernel gave no such entry.
    void set_value(uint64_t type, uint64_t value) const {
        for (Elf64_auxv_t *entry = auxv_; entry->a_type != AT_NULL; entry++)
            if (entry->a_type == type)
                entry->a_un.a_val = value;
    }

  private:
    static constexpr uint64_t kKnownTypes = AT_MINSIGSTKSZ + 1;

    uint64_t *stack_;
    const char *const *envp_;
    Elf64_auxv_t *auxv_;
    uint64_t values_[kKnownTypes] = {};
};

} // namespace sharedregion
