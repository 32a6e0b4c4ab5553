// SPDX-License-Identifier: GPL-2.0-or-later
#include "builder/capture/areas.h"

#include "sharedregion/units.h"

#include <algorithm>

namespace sharedregion {

namespace {

void add_program(const ProgramFile &program, std::vector<Area> *areas) {
    for (size_t i = 0; i < program.writable.size(); i++) {
        const WritableRange &range = program.writable[i];
        areas->push_back(
            Area{Space::Program, range.begin, range.size, range.file_span, &program.content[i], nullptr});
    }
}

void add_loader(const CaptureSubject &subject, std::vector<Area> *areas) {
    const PlannedImage &image = subject.plan.images[subject.plan.loader];
    for (const WritableRange &range : subject.loader.writable)
        areas->push_back(Area{Space::Region, image.base.raw() + range.begin, range.size, range.file_span,
                              nullptr, &image, true});
}

// A library's headers are read where ld.so has mapped them: one read for all libraries.
Result<std::vector<std::byte>, Rejection> read_first_pages(const StoppedRun &run) {
    std::vector<std::byte> pages(run.log.images.size() * kPageSize);
    std::vector<iovec> local, remote;
    for (const PlannedImage *image : run.log.images) {
        uint64_t base = run.values.of(Space::Region) + image->base.raw();
        local.push_back(iovec{pages.data() + local.size() * kPageSize, kPageSize});
        remote.push_back(iovec{reinterpret_cast<void *>(base), kPageSize});
    }
    TRY(run.tracee.read_pieces(local, remote));
    return pages;
}

Result<Success, Rejection> add_image(const PlannedImage &image, ByteView first_page,
                                     std::vector<Area> *areas) {
    auto elf = ElfView::open(first_page);
    if (!elf.ok())
        return rejected(RejectReason::MalformedElf, image.path + ": " + elf.error().what);
    auto ranges = writable_ranges(elf.value().phdrs());
    if (!ranges.ok())
        return rejected(RejectReason::MalformedElf, image.path + ": " + ranges.error().what);
    for (const WritableRange &range : ranges.value()) {
        if (range.begin + range.size > image.size.raw())
            return rejected(RejectReason::LibraryChanged, image.path + " is larger than planned");
        areas->push_back(Area{Space::Region, image.base.raw() + range.begin, range.size, range.file_span,
                              nullptr, &image});
    }
    return Success{};
}

} // namespace

std::string Area::name() const {
    if (image != nullptr)
        return image->path.substr(image->path.rfind('/') + 1);
    if (space == Space::Region)
        return "heap";
    return "program";
}

Result<std::vector<Area>, Rejection> find_areas(const CaptureSubject &subject, const StoppedRun &run) {
    std::vector<Area> areas;
    auto pages = TRY(read_first_pages(run));
    for (size_t i = 0; i < run.log.images.size(); i++)
        TRY(add_image(*run.log.images[i], ByteView(pages.data() + i * kPageSize, kPageSize), &areas));
    if (uint64_t used = run.log.heap.end - run.log.heap.begin; used != 0)
        areas.push_back(Area{Space::Region, subject.plan.heap_offset.raw(), used, 0, nullptr, nullptr});
    add_program(subject.program, &areas);
    add_loader(subject, &areas);
    std::sort(areas.begin(), areas.end(), [](const Area &a, const Area &b) {
        return a.space != b.space ? a.space < b.space : a.begin < b.begin;
    });
    return areas;
}

} // namespace sharedregion
