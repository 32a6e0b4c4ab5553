// SPDX-License-Identifier: GPL-2.0-or-later
#include "builder/capture/classify.h"

#include "builder/capture/dont_care.h"

namespace sharedregion {

namespace {

// Pointers that ld.so computes can lie before an image: l_gnu_chain_zero is the chain's address
// minus 4 * symbias (elf/dl-setup_hash.c), and a program may import many symbols. ld.so and vDSO
// import none, and kernels put one right behind the other, so these two have exact bounds.
constexpr uint64_t kSlack = 16 << 20;

// Plausible distances from a class's value: [-before, after).
struct Bounds {
    uint64_t before;
    uint64_t after;
    bool hold(uint64_t distance) const { return distance + before < before + after; }
};

constexpr FixupClass kRanged[] = {FixupClass::Region, FixupClass::Program,      FixupClass::Loader,
                                  FixupClass::Vdso,   FixupClass::StackPointer, FixupClass::Environ,
                                  FixupClass::Auxv};
constexpr FixupClass kExact[] = {FixupClass::Random,    FixupClass::Platform,     FixupClass::ExecFn,
                                 FixupClass::Canary,    FixupClass::PointerGuard, FixupClass::ProgramBreak,
                                 FixupClass::StackLimit};

Bounds bounds_of(FixupClass fixup_class, const RunValues &run) {
    const uint64_t value = run.of(fixup_class);
    switch (fixup_class) {
    case FixupClass::Region:
        return Bounds{kSlack, run.region_size + kSlack};
    case FixupClass::Program:
        return Bounds{kSlack, run.program.end - value + kSlack};
    case FixupClass::Loader:
        return Bounds{0, run.loader.end - run.loader.begin + 1};
    case FixupClass::Vdso:
        return Bounds{0, run.vdso.end - value};
    case FixupClass::StackPointer:
        return Bounds{0, run.argument_bytes};
    case FixupClass::Environ:
        return Bounds{0, run.environ_bytes};
    case FixupClass::Auxv:
        return Bounds{0, run.auxv_bytes};
    default:
        return Bounds{0, 1};
    }
}

// A class whose value is the same by nature: a program that is not position-independent (its words
// are constants), a kernel without vDSO.
bool is_absent(FixupClass fixup_class, const RunValues &first, const RunValues &second) {
    return first.of(fixup_class) == 0 && second.of(fixup_class) == 0;
}

bool overlap(FixupClass a, FixupClass b, const RunValues &run) {
    auto range = [&](FixupClass c) {
        Bounds bounds = bounds_of(c, run);
        return AddressRange{run.of(c) - bounds.before, run.of(c) + bounds.after};
    };
    return range(a).begin < range(b).end && range(b).begin < range(a).end;
}

} // namespace

Result<Success, Rejection> Classifier::check_variation() const {
    auto delta = [&](FixupClass c) { return second_.of(c) - first_.of(c); };
    auto number = [](FixupClass c) { return "class " + std::to_string(static_cast<unsigned>(c)); };
    auto varies = [&](FixupClass c) { return is_absent(c, first_, second_) || delta(c) != 0; };
    for (FixupClass c : kRanged)
        if (!varies(c))
            return rejected(RejectReason::NoVariation, number(c));
    for (FixupClass c : kExact)
        if (!varies(c))
            return rejected(RejectReason::NoVariation, number(c));
    for (const FixupClass &a : kRanged)
        for (const FixupClass &b : kRanged)
            if (&a < &b && !is_absent(a, first_, second_) && delta(a) == delta(b) && overlap(a, b, first_))
                return rejected(RejectReason::NoVariation, number(a) + " moves like " + number(b));
    if (!varies(FixupClass::ThreadId) || !varies(FixupClass::ArgumentCount))
        return rejected(RejectReason::NoVariation, "thread id or argc");
    return Success{};
}

std::optional<WordClass> Classifier::classify_wide(bool in_loader, uint64_t first, uint64_t second) const {
    auto wide = [](WordKind kind, uint64_t content) { return WordClass{kind, 0, 8, content}; };
    for (FixupClass c : kRanged) {
        uint64_t distance = first - first_.of(c);
        if (distance == second - second_.of(c) && !is_absent(c, first_, second_) &&
            bounds_of(c, first_).hold(distance) && bounds_of(c, second_).hold(distance))
            return wide(kind_of(c), distance);
    }
    if (is_loader_break(in_loader, first, first_) && is_loader_break(in_loader, second, second_))
        return wide(WordKind::LoaderBreak, 0);
    for (FixupClass c : kExact)
        if (first == first_.of(c) && second == second_.of(c))
            return wide(kind_of(c), 0);
    if (is_file_pointer(in_loader, first, first_) && is_file_pointer(in_loader, second, second_))
        return wide(WordKind::FilePointer, 0);
    return std::nullopt;
}

std::optional<WordClass> Classifier::classify_half(bool in_loader, uint32_t first, uint32_t second,
                                                   uint8_t offset) const {
    auto half = [&](WordKind kind, uint64_t content) { return WordClass{kind, offset, 4, content}; };
    for (FixupClass c : {FixupClass::ThreadId, FixupClass::ArgumentCount})
        if (first == first_.of(c) && second == second_.of(c))
            return half(kind_of(c), 0);
    if (is_apic_id(in_loader, first, first_) && is_apic_id(in_loader, second, second_))
        return half(WordKind::ApicId, first & ~kApicIdBits);
    return std::nullopt;
}

std::optional<ClassifiedWord> Classifier::classify(bool in_loader, uint64_t first, uint64_t second) const {
    ClassifiedWord word;
    if (auto wide = classify_wide(in_loader, first, second)) {
        word.parts[word.count++] = *wide;
        return word;
    }
    bool known = true;
    for (unsigned offset : {0, 4}) {
        auto low = static_cast<uint32_t>(first >> offset * 8),
             other = static_cast<uint32_t>(second >> offset * 8);
        if (low == other)
            continue;
        auto part = classify_half(in_loader, low, other, static_cast<uint8_t>(offset));
        known = known && part.has_value();
        if (part.has_value())
            word.parts[word.count++] = *part;
    }
    if (known)
        return word;
    // Last, because it is the weakest test.
    if (is_cycle_count(in_loader, first, first_) && is_cycle_count(in_loader, second, second_)) {
        word.parts[0] = WordClass{WordKind::CycleCount, 0, 8, 0};
        word.count = 1;
        return word;
    }
    return std::nullopt;
}

uint64_t predict(FixupClass fixup_class, uint64_t content, const RunValues &values) {
    return content + values.of(fixup_class);
}

} // namespace sharedregion
