// SPDX-License-Identifier: GPL-2.0-or-later
// What every process of the program has to hold at the stop point: contents with all class values
// taken out, and which word is of which class.
#pragma once

#include "builder/capture/classify.h"
#include "builder/capture/snapshot.h"

#include <functional>

namespace sharedregion {

// A word (or half of one) of a class other than Region, or a don't-care one.
struct SparseWord {
    uint64_t offset; // in the area
    WordKind kind;
    uint8_t width; // 8 or 4
};

struct AreaModel {
    Area area;
    PageSet pages;          // touched in any run; the others are zero
    PageBuffer content;     // the area's bytes; a word of a class holds its distance from the class's value
    PageBuffer region_bits; // one bit per word: of class Region
    std::vector<SparseWord> sparse; // sorted by offset

    bool is_region(uint64_t offset) const {
        return (*region_bits.words(offset / 512 * 8) >> offset / 8 % 64 & 1) != 0;
    }
};

struct Model {
    std::vector<AreaModel> areas; // sorted as find_areas() gives them
};

// A place of ld.so's data in the model; nothing where the offset in ld.so is not writable.
struct LoaderPlace {
    AreaModel *area;
    uint64_t offset; // in the area
};
std::optional<LoaderPlace> loader_place(uint64_t offset_in_loader, Model *model);

// One word that is not as predicted.
struct Mismatch {
    const AreaModel *area;
    uint64_t offset; // in the area
    uint64_t expected, found;
    std::string describe() const;
};

// Reads the first run: contents as they are, nothing classified yet.
Result<Model, Rejection> read_model(const CaptureSubject &subject, const StoppedRun &first);

// Classifies every word that differs in a second run, and takes the first run's values out.
Result<Success, Rejection> classify_model(Model *model, const RunValues &first, const StoppedRun &second,
                                          const CaptureSubject &subject);

// Predicts every byte of another run from its values alone, and calls `differs` for each word that is
// not as predicted; don't-care words are held to their own rule. `differs` returns whether to go on.
Result<Success, Rejection> compare_model(const Model &model, const StoppedRun &run,
                                         const CaptureSubject &subject,
                                         const std::function<bool(const Mismatch &)> &differs);

// compare_model() that rejects at the first difference.
Result<Success, Rejection> verify_model(const Model &model, const StoppedRun &run,
                                        const CaptureSubject &subject);

} // namespace sharedregion
