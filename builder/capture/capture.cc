// SPDX-License-Identifier: GPL-2.0-or-later
#include "builder/capture/capture.h"

#include "builder/capture/debug_slot.h"
#include "builder/capture/difference.h"
#include "builder/capture/lazy.h"

#include <algorithm>
#include <sys/mman.h>

namespace sharedregion {

namespace {

// ASLR can, once in many thousand runs, give two runs values that do not tell classes apart, or
// another address order. Then the program gets another chance.
constexpr unsigned kAttempts = 3;

// What is asked of the first run besides its memory.
struct FirstRun {
    SteerLog log;
    RunValues values;
    uint32_t order;
};

// Registrations and protections must repeat, relative to their space.
Result<Success, Rejection> check_same_log(const FirstRun &first, const StoppedRun &other) {
    const uint64_t move = other.values.of(Space::Region) - first.values.of(Space::Region);
    auto moved = [&](uint64_t a, uint64_t b) { return a == 0 ? b == 0 : a + move == b; };
    const SteerLog &a = first.log, &b = other.log;
    bool same = a.images == b.images && moved(a.fs_base, b.fs_base) && moved(a.tid_address, b.tid_address) &&
                moved(a.robust_list, b.robust_list) && moved(a.rseq, b.rseq) &&
                a.protects.size() == b.protects.size();
    if (!same)
        return rejected(RejectReason::LayoutVaries, "thread data or libraries differ between runs");
    return Success{};
}

// First and second run: a model with every varying word classified.
Result<Model, Rejection> capture_model(const CaptureSubject &subject, FirstRun *first) {
    Model model;
    {
        StoppedRun run = TRY(run_to_stop_point(subject, make_variation(subject, 0)));
        TRY(check_mappings(run));
        model = TRY(read_model(subject, run));
        *first = FirstRun{run.log, run.values, address_order(run.values)};
    }
    StoppedRun run = TRY(run_to_stop_point(subject, make_variation(subject, 1)));
    if (address_order(run.values) != first->order)
        return rejected(RejectReason::NoVariation, "address order differs between runs");
    TRY(check_same_log(*first, run));
    TRY(classify_model(&model, first->values, run, subject));
    return model;
}

Result<Success, Rejection> verify_third_run(const CaptureSubject &subject, const FirstRun &first,
                                            const Model &model) {
    StoppedRun run = TRY(run_to_stop_point(subject, make_variation(subject, 2)));
    if (address_order(run.values) != first.order)
        return rejected(RejectReason::NoVariation, "address order differs between runs");
    TRY(check_same_log(first, run));
    return verify_model(model, run, subject);
}

Result<Model, Rejection> capture_verified(const CaptureSubject &subject, FirstRun *first) {
    Model model = TRY(capture_model(subject, first));
    TRY(verify_third_run(subject, *first, model));
    LazyWord lazy = TRY(lazy_word(subject, model));
    TRY(apply_lazy_word(lazy, &model));
    TRY(apply_debug_slot(subject.loader.hook, &model));
    return model;
}

SetProtect set_protect(const AddressRange &range, const RunValues &values) {
    Space space = values.program.holds(range.begin) ? Space::Program : Space::Region;
    return SetProtect{static_cast<uint32_t>(space), PROT_READ, range.begin - values.of(space),
                      range.end - range.begin};
}

// Addresses of thread data as region offsets; 0 stays 0.
VMOffset region_offset(uint64_t address, const RunValues &values) {
    return VMOffset(address == 0 ? 0 : address - values.of(Space::Region));
}

ProgramCapture describe(const CaptureSubject &subject, const FirstRun &first) {
    ProgramCapture capture;
    capture.path = subject.program.path;
    capture.identity = subject.program.identity;
    capture.build_id = subject.program.facts.build_id;
    capture.phdr_hash = subject.program.facts.phdr_hash;
    capture.path_dependent = first.log.path_dependent;
    capture.with_shim = !subject.preload.empty();
    capture.order = first.order;
    for (const PlannedImage *image : first.log.images)
        capture.images.push_back(image->index);
    const PlannedImage &loader = subject.plan.images[subject.plan.loader];
    capture.images.push_back(loader.index);
    capture.opened = first.log.opened;
    capture.absent = first.log.absent;
    for (const AddressRange &range : first.log.protects)
        capture.protects.push_back(set_protect(range, first.values));
    capture.heap_used = VMSize(first.log.heap.end - first.log.heap.begin);
    capture.fs_base = region_offset(first.log.fs_base, first.values);
    capture.tid_address = region_offset(first.log.tid_address, first.values);
    capture.robust_list = region_offset(first.log.robust_list, first.values);
    capture.robust_list_size = first.log.robust_list_size;
    capture.rseq = region_offset(first.log.rseq, first.values);
    capture.rseq_size = first.log.rseq_size;
    capture.rseq_signature = first.log.rseq_signature;
    capture.resume = loader.base + VMSize(subject.loader.resume);
    capture.debug_state = subject.loader.debug_state;
    return capture;
}

// Thread data lies where the set can name it: in the loader heap.
Result<Success, Rejection> check_thread_data(const FirstRun &first) {
    const SteerLog &log = first.log;
    for (uint64_t address : {log.fs_base, log.tid_address, log.robust_list})
        if (!log.heap.holds(address, 8))
            return rejected(RejectReason::UnexpectedSystemCall, "thread data outside the loader heap");
    if (log.rseq != 0 && !log.heap.holds(log.rseq, log.rseq_size))
        return rejected(RejectReason::UnexpectedSystemCall, "rseq area outside the loader heap");
    return Success{};
}

bool worth_another_try(const Rejection &rejection) {
    return rejection.reason == reject_word(RejectReason::NoVariation);
}

} // namespace

Result<ProgramCapture, Rejection> capture_program(const CaptureRequest &request, const SteeringPlan &plan,
                                                  const BaseContent &base) {
    ProgramFile program = TRY(read_program_file(request.program, request.loader_path));
    auto loader = read_loader_image(request.loader_path);
    if (!loader.ok())
        return rejected(RejectReason::StopPoint, loader.error().message());
    if (plan.loader >= plan.images.size() || !(plan.images[plan.loader].identity == loader.value().identity))
        return rejected(RejectReason::OtherInterpreter,
                        request.loader_path + " is not the ld.so of the cache");
    const CaptureSubject subject{program, loader.value(), plan, request.timeout_ms, request.preload};
    for (unsigned attempt = 1;; attempt++) {
        FirstRun first;
        auto model = capture_verified(subject, &first);
        if (!model.ok()) {
            if (attempt < kAttempts && worth_another_try(model.error()))
                continue;
            return std::move(model.error());
        }
        TRY(check_thread_data(first));
        ProgramCapture capture = describe(subject, first);
        capture.pages = differing_pages(model.value(), base);
        capture.fixups = fixup_words(model.value());
        return capture;
    }
}

} // namespace sharedregion
