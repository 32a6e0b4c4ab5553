// SPDX-License-Identifier: GPL-2.0-or-later
// Phase 5: each image's content (contract: phases.h).
#include "builder/phases/phases.h"

#include "builder/capture/loader_image.h"
#include "builder/support/parallel.h"
#include "sharedregion/shim_mark.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <unistd.h>

namespace sharedregion {

namespace {

// As the kernel maps a segment: whole pages of the file, beginning with the one that p_offset is in.
Done copy_text(const CacheImage &image, const SegmentChunk &chunk, int file, const NamedFile &cache) {
    uint64_t begin = align_down(chunk.elf.offset, kPageSize);
    return copy_range(NamedFile{file, image.path}, begin, cache, chunk.file_offset.raw(),
                      chunk.vm_size.raw());
}

// The same into memory; bytes behind the file part are zero if the segment has bss (ld.so clears the
// rest of the page only then).
Done copy_data(const CacheImage &image, SegmentChunk *chunk, int file) {
    uint64_t begin = align_down(chunk->elf.offset, kPageSize);
    uint64_t in_page = chunk->elf.vaddr - align_down(chunk->elf.vaddr, kPageSize);
    uint64_t size = align_up(in_page + chunk->elf.file_size, kPageSize);
    if (chunk->elf.mem_size > chunk->elf.file_size)
        size = in_page + chunk->elf.file_size;
    auto bytes = TRY(read_at(file, begin, std::min(size, chunk->data.size()), image.path));
    std::copy(bytes.begin(), bytes.end(), chunk->data.bytes());
    return Success{};
}

Done copy_segments(CacheImage *image, const NamedFile &cache) {
    FileDescriptor file = TRY(open_unchanged(image->path, image->identity));
    for (SegmentChunk &chunk : image->segments) {
        if (chunk.segment_kind == SegmentKind::Data)
            TRY(copy_data(*image, &chunk, file.get()));
        else if (cache.fd >= 0)
            TRY(copy_text(*image, chunk, file.get(), cache));
    }
    return Success{};
}

// ld.so's text is changed in one place: debug_hook.h tells why.
Done write_debug_hook(const CacheImage &loader, const NamedFile &cache) {
    const LoaderImage facts = TRY(read_loader_image(loader.path));
    if (!facts.hook)
        return Success{};
    const auto code = debug_hook_code(facts.hook);
    return write_at(cache.fd, loader.base.raw() + facts.hook.function, code.data(), code.size(), cache.path);
}

// So is the shim's: shim_mark.h.
Done write_shim_mark(const CacheModel &model, const CacheImage &shim, const NamedFile &cache) {
    FileDescriptor file = TRY(open_unchanged(shim.path, shim.identity));
    for (const SegmentChunk &chunk : shim.segments) {
        auto bytes = TRY(read_at(file.get(), chunk.elf.offset, chunk.elf.file_size, shim.path));
        const void *found = memmem(bytes.data(), bytes.size(), kShimMarkMagic, sizeof kShimMarkMagic);
        if (found == nullptr || chunk.segment_kind == SegmentKind::Data)
            continue;
        const auto *begin = reinterpret_cast<const char *>(bytes.data());
        ShimMark mark = {};
        std::memcpy(mark.magic, kShimMarkMagic, sizeof mark.magic);
        mark.region_offset =
            shim.base.raw() + chunk.elf.vaddr + uint64_t(static_cast<const char *>(found) - begin);
        mark.region_size = model.region_size.raw();
        return write_at(cache.fd, mark.region_offset, &mark, sizeof mark, cache.path);
    }
    return Failure::about(shim.path, "is not a libdyldshim.so: it has no mark");
}

} // namespace

Outcome<BindStatistics> run_image_passes(CacheModel *model, const NamedFile &cache, Progress &progress) {
    if (cache.fd >= 0 && ftruncate(cache.fd, static_cast<off_t>(model->mapped_size.raw())) != 0)
        return Failure::system(errno, cache.path, "cannot be extended");
    SymbolIndex index(*model);
    std::atomic<uint64_t> relocations = 0, unresolved = 0, from_capture = 0;
    ProgressCounter counter(progress, model->images.size(), "images");
    Done done = parallel_try(model->images.size(), [&](size_t i) -> Done {
        CacheImage &image = model->images[i];
        TRY(copy_segments(&image, cache));
        if (cache.fd >= 0 && i == model->loader)
            TRY(write_debug_hook(image, cache));
        if (cache.fd >= 0 && image.path == model->config.shim)
            TRY(write_shim_mark(*model, image, cache));
        BindStatistics bound = bind_image(*model, index, static_cast<ImageIndex>(i), &image.segments);
        relocations += bound.relocations;
        unresolved += bound.unresolved;
        from_capture += bound.from_capture;
        counter.advance();
        return Success{};
    });
    if (!done.ok())
        return std::move(done.error());
    return BindStatistics{relocations, unresolved, from_capture};
}

} // namespace sharedregion
