// SPDX-License-Identifier: GPL-2.0-or-later
// Which class a word belongs to, from its contents in two runs (DESIGN.md section 3, "Classes of a word").
//
// A word is of a class if both contents have the same, plausible distance from the class's value. The
// classes that have a range of plausible distances move by different amounts between the two runs, or
// their ranges are disjoint (check_variation): at most one of them can match; all others match exactly.
#pragma once

#include "builder/capture/run_values.h"

#include <optional>

namespace sharedregion {

// Classes (as in FixupClass), then don't-care words (dont_care.h gives the reasons).
enum class WordKind : uint8_t {
    FirstDontCare = kFixupClassCount,
    CycleCount = FirstDontCare, // rdtsc statistics
    ApicId,                     // CPUID leaf 1 EBX
    FilePointer,                // dangling, into the unmapped ld.so.cache
    LoaderBreak,                // ld.so's own __curbrk
};
constexpr WordKind kind_of(FixupClass fixup_class) {
    return static_cast<WordKind>(fixup_class);
}
constexpr bool is_dont_care(WordKind kind) {
    return kind >= WordKind::FirstDontCare;
}
constexpr FixupClass class_of(WordKind kind) {
    return static_cast<FixupClass>(kind);
}

// One 8-byte word, or a 4-byte half of one, that is not constant. `content` is what a set holds
// there: the distance from the class's value (0 for 32-bit classes), or the frozen constant.
struct WordClass {
    WordKind kind;
    uint8_t offset; // in the word: 0 or 4
    uint8_t width;  // 8 or 4
    uint64_t content;
};

// The halves of one word; an 8-byte class uses the first entry only.
struct ClassifiedWord {
    WordClass parts[2];
    unsigned count = 0;
};

class Classifier {
  public:
    Classifier(const RunValues &first, const RunValues &second) : first_(first), second_(second) {}

    // Success, or why the two runs cannot tell classes apart.
    Result<Success, Rejection> check_variation() const;
    // For contents that differ; `in_loader`: of a word in ld.so's data. Nothing: unclassified.
    std::optional<ClassifiedWord> classify(bool in_loader, uint64_t first, uint64_t second) const;

  private:
    std::optional<WordClass> classify_wide(bool in_loader, uint64_t first, uint64_t second) const;
    std::optional<WordClass> classify_half(bool in_loader, uint32_t first, uint32_t second,
                                           uint8_t offset) const;
    const RunValues &first_, &second_;
};

// What a process with `values` holds in a word of a class.
uint64_t predict(FixupClass fixup_class, uint64_t content, const RunValues &values);

} // namespace sharedregion
