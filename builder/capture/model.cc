// SPDX-License-Identifier: GPL-2.0-or-later
#include "builder/capture/model.h"

#include "builder/capture/dont_care.h"
#include "sharedregion/units.h"

#include <cstring>

namespace sharedregion {

namespace {

// Areas are read from a process in pieces of this many pages, so that one run's worth of memory is
// held, not two.
constexpr uint64_t kPiecePages = 64;
constexpr uint64_t kWordsPerPage = kPageSize / 8;

std::string hex(uint64_t value) {
    char text[24];
    snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
    return text;
}

// The areas of a later run must be those of the first.
Result<Success, Rejection> check_areas(const Model &model, const CaptureSubject &subject,
                                       const StoppedRun &run) {
    auto areas = TRY(find_areas(subject, run));
    bool same = areas.size() == model.areas.size();
    for (size_t i = 0; same && i < areas.size(); i++)
        same = areas[i] == model.areas[i].area;
    if (!same)
        return rejected(RejectReason::LayoutVaries, "libraries or heap size differ between runs");
    return Success{};
}

// Calls visit(first, end, bytes of `run`) for all pages touched in the model or in `run`.
template <class Visit>
Result<Success, Rejection> for_each_piece(const AreaModel &model, const StoppedRun &run, PageSet *pages,
                                          Visit visit) {
    *pages = TRY(touched_pages(model.area, run));
    pages->insert_all(model.pages);
    std::vector<std::byte> buffer(kPiecePages * kPageSize);
    std::optional<Rejection> failure;
    pages->for_each_run(kPiecePages, [&](uint64_t first, uint64_t end) {
        if (failure)
            return;
        auto read = read_area(model.area, run, first, end, buffer.data());
        if (!read.ok())
            failure = std::move(read.error());
        else if (auto rejection = visit(first, end, buffer.data()))
            failure = std::move(rejection);
    });
    if (failure)
        return std::move(*failure);
    return Success{};
}

} // namespace

std::optional<LoaderPlace> loader_place(uint64_t offset_in_loader, Model *model) {
    for (AreaModel &area : model->areas) {
        if (!area.area.is_loader)
            continue;
        uint64_t offset = offset_in_loader + area.area.image->base.raw() - area.area.begin;
        if (offset < area.area.size)
            return LoaderPlace{&area, offset};
    }
    return std::nullopt;
}

std::string Mismatch::describe() const {
    return area->area.name() + "+" + hex(offset) + " (offset " + hex(area->area.begin + offset) +
           "): " + hex(expected) + " and " + hex(found);
}

Result<Model, Rejection> read_model(const CaptureSubject &subject, const StoppedRun &first) {
    Model model;
    for (const Area &area : TRY(find_areas(subject, first))) {
        AreaModel part{
            area, TRY(touched_pages(area, first)), PageBuffer(area.size), PageBuffer(area.size / 64), {}};
        if (!part.content.ok() || !part.region_bits.ok())
            return rejected(RejectReason::MalformedElf, area.name() + " has more data than memory can hold");
        std::optional<Rejection> failure;
        part.pages.for_each_run(UINT64_MAX, [&](uint64_t begin, uint64_t end) {
            auto read = read_area(area, first, begin, end, part.content.data() + begin * kPageSize);
            if (!read.ok() && !failure)
                failure = std::move(read.error());
        });
        if (failure)
            return std::move(*failure);
        model.areas.push_back(std::move(part));
    }
    return model;
}

namespace {

// Classifies the differing words of one area, page by page.
class AreaClassifier {
  public:
    AreaClassifier(AreaModel *model, const Classifier &classifier, unsigned *cycle_counts)
        : model_(model), classifier_(classifier), cycle_counts_(cycle_counts) {}

    // `other` holds the second run's bytes of page `page`.
    std::optional<Rejection> classify_page(uint64_t page, const std::byte *other) {
        uint64_t *words = model_->content.words(page * kPageSize);
        if (std::memcmp(words, other, kPageSize) == 0)
            return std::nullopt;
        for (uint64_t i = 0; i < kWordsPerPage; i++) {
            uint64_t second;
            std::memcpy(&second, other + i * 8, 8);
            if (words[i] != second)
                if (auto rejection = classify_word(page * kPageSize + i * 8, &words[i], second))
                    return rejection;
        }
        return std::nullopt;
    }

  private:
    std::optional<Rejection> classify_word(uint64_t offset, uint64_t *word, uint64_t second) {
        auto classified = classifier_.classify(model_->area.is_loader, *word, second);
        if (!classified)
            return rejected(RejectReason::UnclassifiedWord,
                            Mismatch{model_, offset, *word, second}.describe());
        for (unsigned i = 0; i < classified->count; i++) {
            const WordClass &part = classified->parts[i];
            if (part.kind == WordKind::CycleCount && ++*cycle_counts_ > kMaxCycleCounts)
                return rejected(RejectReason::UnclassifiedWord,
                                Mismatch{model_, offset, *word, second}.describe());
            if (part.kind == kind_of(FixupClass::Region))
                *model_->region_bits.words(offset / 512 * 8) |= 1ULL << offset / 8 % 64;
            else
                model_->sparse.push_back(SparseWord{offset + part.offset, part.kind, part.width});
            std::memcpy(reinterpret_cast<std::byte *>(word) + part.offset, &part.content, part.width);
        }
        return std::nullopt;
    }

    AreaModel *model_;
    const Classifier &classifier_;
    unsigned *cycle_counts_;
};

} // namespace

Result<Success, Rejection> classify_model(Model *model, const RunValues &first, const StoppedRun &second,
                                          const CaptureSubject &subject) {
    TRY(check_areas(*model, subject, second));
    Classifier classifier(first, second.values);
    TRY(classifier.check_variation());
    unsigned cycle_counts = 0;
    for (AreaModel &area : model->areas) {
        AreaClassifier words(&area, classifier, &cycle_counts);
        PageSet pages;
        TRY(for_each_piece(area, second, &pages, [&](uint64_t begin, uint64_t end, const std::byte *bytes) {
            std::optional<Rejection> rejection;
            for (uint64_t page = begin; page < end && !rejection; page++)
                rejection = words.classify_page(page, bytes + (page - begin) * kPageSize);
            return rejection;
        }));
        area.pages = std::move(pages);
    }
    return Success{};
}

namespace {

// Builds predicted pages of one area and compares them with what a run holds.
class Predictor {
  public:
    Predictor(const AreaModel &model, const RunValues &values,
              const std::function<bool(const Mismatch &)> &differs)
        : model_(model), values_(values), differs_(differs) {}

    // Returns false once `differs` has said so. Pages come in rising order.
    bool compare_page(uint64_t page, const std::byte *found) {
        uint64_t predicted[kWordsPerPage];
        predict_page(page, predicted);
        bool same = std::memcmp(predicted, found, kPageSize) == 0;
        for (uint64_t i = 0; !same && i < kWordsPerPage; i++) {
            uint64_t word;
            std::memcpy(&word, found + i * 8, 8);
            uint64_t offset = page * kPageSize + i * 8;
            if (predicted[i] != word && !excused(offset, predicted[i], word) &&
                !differs_(Mismatch{&model_, offset, predicted[i], word}))
                return false;
        }
        return true;
    }

  private:
    void predict_page(uint64_t page, uint64_t *words) {
        const uint64_t begin = page * kPageSize;
        std::memcpy(words, model_.content.words(begin), kPageSize);
        const uint64_t *bits = model_.region_bits.words(begin / 64);
        const uint64_t region = values_.of(FixupClass::Region);
        for (uint64_t i = 0; i < kWordsPerPage / 64; i++)
            for (uint64_t rest = bits[i]; rest != 0; rest &= rest - 1)
                words[i * 64 + static_cast<unsigned>(__builtin_ctzll(rest))] += region;
        while (next_ < model_.sparse.size() && model_.sparse[next_].offset < begin)
            next_++;
        first_sparse_ = next_;
        for (; next_ < model_.sparse.size() && model_.sparse[next_].offset < begin + kPageSize; next_++)
            apply(model_.sparse[next_],
                  reinterpret_cast<std::byte *>(words) + (model_.sparse[next_].offset - begin));
    }

    void apply(const SparseWord &word, std::byte *place) const {
        if (is_dont_care(word.kind))
            return;
        uint64_t content = 0;
        if (word.width == 8)
            std::memcpy(&content, place, 8);
        uint64_t value = predict(class_of(word.kind), content, values_);
        std::memcpy(place, &value, word.width);
    }

    // Whether a differing word is (or differs only in) a don't-care one that keeps its rule.
    bool excused(uint64_t offset, uint64_t predicted, uint64_t found) const {
        for (size_t i = first_sparse_; i < next_; i++) {
            const SparseWord &word = model_.sparse[i];
            if (!is_dont_care(word.kind) || word.offset / 8 != offset / 8)
                continue;
            if (word.width == 8)
                return keeps_rule(word.kind, found);
            unsigned shift = word.offset % 8 * 8;
            uint64_t mask = 0xffffffffULL << shift;
            if (!keeps_rule(word.kind, (found & mask) >> shift))
                return false;
            predicted = (predicted & ~mask) | (found & mask);
        }
        return predicted == found;
    }

    bool keeps_rule(WordKind kind, uint64_t found) const {
        const bool in_loader = model_.area.is_loader;
        switch (kind) {
        case WordKind::CycleCount:
            return is_cycle_count(in_loader, found, values_);
        case WordKind::ApicId:
            return is_apic_id(in_loader, static_cast<uint32_t>(found), values_);
        case WordKind::FilePointer:
            return is_file_pointer(in_loader, found, values_);
        case WordKind::LoaderBreak:
            return is_loader_break(in_loader, found, values_);
        default:
            return false;
        }
    }

    const AreaModel &model_;
    const RunValues &values_;
    const std::function<bool(const Mismatch &)> &differs_;
    size_t next_ = 0, first_sparse_ = 0;
};

} // namespace

Result<Success, Rejection> compare_model(const Model &model, const StoppedRun &run,
                                         const CaptureSubject &subject,
                                         const std::function<bool(const Mismatch &)> &differs) {
    TRY(check_areas(model, subject, run));
    for (const AreaModel &area : model.areas) {
        Predictor predictor(area, run.values, differs);
        PageSet pages;
        bool go_on = true;
        TRY(for_each_piece(area, run, &pages, [&](uint64_t begin, uint64_t end, const std::byte *bytes) {
            for (uint64_t page = begin; page < end && go_on; page++)
                go_on = predictor.compare_page(page, bytes + (page - begin) * kPageSize);
            return std::optional<Rejection>();
        }));
        if (!go_on)
            return Success{};
    }
    return Success{};
}

Result<Success, Rejection> verify_model(const Model &model, const StoppedRun &run,
                                        const CaptureSubject &subject) {
    std::string first_mismatch;
    TRY(compare_model(model, run, subject, [&](const Mismatch &mismatch) {
        first_mismatch = mismatch.describe();
        return false;
    }));
    if (!first_mismatch.empty())
        return rejected(RejectReason::UnpredictableWord, first_mismatch);
    return Success{};
}

} // namespace sharedregion
