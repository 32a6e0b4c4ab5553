// SPDX-License-Identifier: GPL-2.0-or-later
#include "libdyldshim/stage2/fixups.h"

#include "libdyldshim/shared/syscalls.h"
#include "sharedregion/units.h"

namespace sharedregion {
namespace {

uint64_t random_word(const Start &start, unsigned index) {
    return reinterpret_cast<const uint64_t *>(start.args.value(AT_RANDOM))[index];
}

// The value of a class in this process. Called only for classes that the set has words of: one of
// them costs a system call.
uint64_t value_of(const Start &start, FixupClass fixup_class) {
    const StartArgs &args = start.args;
    switch (fixup_class) {
    case FixupClass::Region:
        return start.region().base;
    case FixupClass::Program:
        return start.request->program_bias;
    case FixupClass::Loader:
        return start.request->loader_base;
    case FixupClass::StackPointer:
        return as_word(args.stack());
    case FixupClass::Environ:
        return as_word(args.envp());
    case FixupClass::Auxv:
        return as_word(args.auxv());
    case FixupClass::Random:
        return args.value(AT_RANDOM);
    case FixupClass::Platform:
        return args.value(AT_PLATFORM);
    case FixupClass::ExecFn:
        return args.value(AT_EXECFN);
    case FixupClass::Vdso:
        return args.value(AT_SYSINFO_EHDR);
    case FixupClass::Canary: // its first byte is zero, to stop string functions
        return random_word(start, 0) & ~0xffULL;
    case FixupClass::PointerGuard:
        return random_word(start, 1);
    case FixupClass::ProgramBreak:
        return static_cast<uint64_t>(syscall3(__NR_brk));
    case FixupClass::StackLimit:
        return start.thread_stack;
    case FixupClass::ArgumentCount:
        return args.argc();
    case FixupClass::ThreadId: // not known yet
        break;
    }
    return 0;
}

void add_to_words(uint64_t base, Span<const uint64_t> words, uint64_t value) {
    relr_for_each(words, [=](uint64_t offset) { *reinterpret_cast<uint64_t *>(base + offset) += value; });
}

void store_narrow(uint64_t base, Span<const uint64_t> words, uint32_t value) {
    for (uint64_t offset : words)
        *reinterpret_cast<uint32_t *>(base + offset) = value;
}

// ld.so's data and the loader heap have words to fix in nearly every page: one call for all pages from the
// first to the last of them instead of a fault each. Linux before 5.14 refuses it. The file backend makes no
// system call more than it must.
void populate_loader(const Start &start) {
    if (!start.request->in_kernel)
        return;
    const RegionHeader &region = start.region();
    uint64_t first = region.own_end, last = region.own_begin;
    auto widen = [&](uint64_t offset) {
        if (offset < region.own_begin || offset >= region.own_end)
            return;
        first = offset < first ? offset : first;
        last = offset > last ? offset : last;
    };
    for (const SetFixupList &list : start.set.fixups())
        if (static_cast<Space>(list.space) == Space::Region &&
            !is_narrow(static_cast<FixupClass>(list.fixup_class)))
            relr_for_each(start.set.words(list), widen);
    first = align_down(first, kPageSize);
    if (first <= last)
        syscall3(__NR_madvise, region.base + first, align_up(last + 1, kPageSize) - first,
                 MADV_POPULATE_WRITE);
}

} // namespace

void apply_fixups(const Start &start) {
    populate_loader(start);
    for (const SetFixupList &list : start.set.fixups()) {
        auto space = static_cast<Space>(list.space);
        auto fixup_class = static_cast<FixupClass>(list.fixup_class);
        uint64_t base = start.base_of(space);
        Span<const uint64_t> words = start.set.words(list);
        if (words.empty() || fixup_class == FixupClass::ThreadId)
            continue;
        if (is_narrow(fixup_class))
            store_narrow(base, words, static_cast<uint32_t>(value_of(start, fixup_class)));
        else
            add_to_words(base, words, value_of(start, fixup_class));
    }
}

void set_thread_id(const Start &start, uint32_t thread_id) {
    for (const SetFixupList &list : start.set.fixups())
        if (static_cast<FixupClass>(list.fixup_class) == FixupClass::ThreadId)
            store_narrow(start.base_of(static_cast<Space>(list.space)), start.set.words(list), thread_id);
}

} // namespace sharedregion
