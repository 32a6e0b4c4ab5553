// SPDX-License-Identifier: GPL-2.0-or-later
// The phases of a build, in order; build_generation() (build.h) is their table of contents.
//
// Each is a free function in a file of its own, named after it. All work on one CacheModel; what a
// phase may rely on and what it leaves behind is written above it.
#pragma once

#include "builder/bind/binder.h"
#include "builder/model/cache_model.h"
#include "builder/sets/sets.h"
#include "builder/support/file.h"
#include "builder/support/progress.h"

namespace sharedregion {

// 1. What goes in.
// Inputs: options.
// Outputs: model.config, model.loader, model.programs (sorted by path; rejected ones say why),
//   model.images (every library of an accepted program once, read and checked, no layout).
// Invariant: two images are never the same file; a program whose library cannot be cached is rejected.
Done calculate_inputs(const BuilderOptions &options, CacheModel *model, Progress &progress);

// 2. What is worth knowing before the layout: uses, dependencies, scopes.
// Inputs: phase 1.
// Outputs: images sorted most-used first (programs' indices follow), uses, needed, scope of each.
// Invariant: the order depends only on the inputs, not on timing.
void estimate_optimizations(CacheModel *model);

// 3. Creates the sub-cache: where everything lies.
// Inputs: phase 2.
// Outputs: base, size and segment chunks of all images; heap; regions; mapped, region and data size;
//   images sorted by base (all indices follow).
// Invariant: from here on no VA and no data offset changes. Images do not overlap, their bases are
//   multiples of their p_align, bases rise with the index. Large images have slots for text alone
//   (slot_layout.h).
Done create_sub_caches(CacheModel *model);

// 4. Emits what follows from the layout alone: image and segment tables, export index.
// Inputs: phase 3. Outputs: those chunks' buffers, strings.
void emit_early_chunks(CacheModel *model);

// 5. Per image, in parallel: copies segments (text into the file, data into memory), binds data.
// Inputs: phase 3, `cache` an empty file that the text is written to, or {}: no text wanted.
// Outputs: text of all images in the file; base content with its words that slide.
// Invariant: an image's pass writes only its own chunks and its own part of the file.
Outcome<BindStatistics> run_image_passes(CacheModel *model, const NamedFile &cache, Progress &progress);

// Where a capture has to put the libraries (from phase 3).
SteeringPlan steering_plan(const CacheModel &model);

// 6a. Captures all accepted programs, in parallel.
// Inputs: phase 5. Outputs: one capture per program that could be captured; the others are rejected.
// Invariant: base content does not change meanwhile.
std::vector<std::optional<ProgramCapture>> capture_programs(const BuilderOptions &options, CacheModel *model,
                                                            Progress &progress);

// 6b. Makes pointers to functions of the vDSO pointers to stubs of the cache (vdso_stubs.h).
// Inputs: captures. Outputs: model.vdso_words; captures without those words.
// Invariant: what a call by such a pointer reaches stays the same.
void share_vdso_pointers(CacheModel *model, std::vector<std::optional<ProgramCapture>> *captures);

// 6c. Takes the pages that most programs have into the base content.
// Inputs: captures. Outputs: base content; captures completed for the pages that changed.
// Invariant: base content together with a capture's pages tells the same as before.
uint64_t adopt_captured_pages(CacheModel *model, std::vector<std::optional<ProgramCapture>> *captures);

// 6d. Inputs: captures and final base content. Outputs: one outcome per program, with its set.
std::vector<ProgramOutcome> build_sets(const CacheModel &model,
                                       std::vector<std::optional<ProgramCapture>> captures);

// 7. Emits what is known only now: slide information, merged symbol table, section headers.
// Inputs: phase 5 and 6c. Outputs: those chunks' buffers.
Done emit_late_chunks(CacheModel *model);

// 8. Writes the rest of the file, its hash tree and its header.
// Inputs: all chunks; `cache` with the text. Outputs: a complete, sealed file; its UUID in the model.
// Invariant: the file's name appears only after its content is on disk (the caller commits).
Done finalize_cache(CacheModel *model, const NamedFile &cache, Progress &progress);

} // namespace sharedregion
