// SPDX-License-Identifier: GPL-2.0-or-later
#include "builder/capture/lazy.h"

#include <cstring>
#include <mutex>
#include <vector>

namespace sharedregion {

namespace {

// In a run without LD_BIND_NOW, GOT entries of libraries differ as well, and counters of relocations
// in ld.so's .data; in ld.so's relro only _dl_lazy does, from 0 to 1 (elf/rtld.c, process_envvars).
Result<LazyWord, Rejection> find_lazy_word(const CaptureSubject &subject, const Model &model) {
    StoppedRun run = TRY(run_to_stop_point(subject, make_variation(subject, 0, true)));
    std::vector<LazyWord> found;
    bool others = false;
    TRY(compare_model(model, run, subject, [&](const Mismatch &mismatch) {
        const Area &area = mismatch.area->area;
        if (!area.is_loader)
            return true;
        uint64_t offset = area.begin + mismatch.offset - area.image->base.raw();
        if (!subject.loader.is_relro(offset, 8))
            return true;
        uint64_t change = mismatch.expected ^ mismatch.found;
        if (change != 1 && change != 1ULL << 32)
            others = true;
        else
            found.push_back(LazyWord{offset + (change == 1 ? 0 : 4), 1});
        return true;
    }));
    if (found.size() != 1 || others)
        return rejected(RejectReason::UnclassifiedWord, "_dl_lazy was not found in ld.so's relro");
    return found[0];
}

struct KnownLoader {
    FileIdentity loader;
    LazyWord word;
};

} // namespace

Result<LazyWord, Rejection> lazy_word(const CaptureSubject &subject, const Model &model) {
    static std::mutex mutex;
    static std::vector<KnownLoader> known;
    // Held during the run: other threads need the same answer and wait for it.
    std::lock_guard<std::mutex> lock(mutex);
    for (const KnownLoader &entry : known)
        if (entry.loader == subject.loader.identity)
            return entry.word;
    LazyWord word = TRY(find_lazy_word(subject, model));
    known.push_back(KnownLoader{subject.loader.identity, word});
    return word;
}

Result<Success, Rejection> apply_lazy_word(const LazyWord &word, Model *model) {
    auto place = loader_place(word.offset, model);
    if (!place)
        return rejected(RejectReason::UnclassifiedWord, "_dl_lazy lies outside ld.so's data");
    std::memcpy(place->area->content.data() + place->offset, &word.value, sizeof word.value);
    return Success{};
}

} // namespace sharedregion
