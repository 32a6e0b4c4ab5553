// SPDX-License-Identifier: GPL-2.0-or-later
// Phase 8: the file's last bytes (contract: phases.h).
#include "builder/phases/phases.h"

#include "builder/phases/symbol_writer.h"
#include "builder/support/hash_body.h"

#include <algorithm>
#include <cerrno>
#include <unistd.h>

namespace sharedregion {

namespace {

constexpr uint64_t kTableAlignment = 64;

// Tables follow the mapped part, one after the other.
FileOffset place_tables(CacheModel *model) {
    FileOffset next(model->mapped_size.raw());
    for (Chunk *chunk : model->main->region(RegionKind::Tables).chunks) {
        chunk->alignment = kTableAlignment;
        chunk->file_offset = FileOffset(align_up(next.raw(), kTableAlignment));
        chunk->file_size = FileSize(chunk->buffer.size());
        next = chunk->file_offset + chunk->file_size;
    }
    return FileOffset(align_up(next.raw(), kTableAlignment));
}

Done write_chunk(const Chunk &chunk, const NamedFile &cache) {
    return write_at(cache.fd, chunk.file_offset.raw(), chunk.buffer.data(), chunk.buffer.size(), cache.path);
}

// Zero pages stay holes.
Done write_data(const SegmentChunk &chunk, const NamedFile &cache) {
    static constexpr std::byte kZeroPage[kPageSize] = {};
    for (uint64_t at = 0; at < chunk.data.size(); at += kPageSize) {
        const std::byte *page = chunk.data.bytes() + at;
        if (std::memcmp(page, kZeroPage, kPageSize) != 0)
            TRY(write_at(cache.fd, chunk.file_offset.raw() + at, page, kPageSize, cache.path));
    }
    return Success{};
}

Done write_content(const CacheModel &model, const NamedFile &cache) {
    TRY(write_chunk(model.main->loader, cache));
    for (const CacheImage &image : model.images)
        for (const SegmentChunk &chunk : image.segments)
            if (chunk.segment_kind == SegmentKind::Data)
                TRY(write_data(chunk, cache));
    for (const Chunk *chunk : model.main->region(RegionKind::Tables).chunks)
        TRY(write_chunk(*chunk, cache));
    return Success{};
}

// The images' text was copied while other processes ran: each file must still be what was read first.
Done check_unchanged(const CacheModel &model) {
    for (const CacheImage &image : model.images)
        TRY(open_unchanged(image.path, image.identity));
    return Success{};
}

Elf64_Ehdr elf_header(const SubCache &cache) {
    Elf64_Ehdr header = {};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_ident[EI_OSABI] = ELFOSABI_GNU; // has STT_GNU_IFUNC and STB_GNU_UNIQUE
    header.e_type = ET_DYN;
    header.e_machine = EM_X86_64;
    header.e_version = EV_CURRENT;
    header.e_phoff = sizeof(Elf64_Ehdr);
    header.e_shoff = cache.sections.file_offset.raw();
    header.e_ehsize = sizeof(Elf64_Ehdr);
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = 1;
    header.e_shentsize = sizeof(Elf64_Shdr);
    header.e_shnum = static_cast<uint16_t>(cache.sections.buffer.size() / sizeof(Elf64_Shdr));
    header.e_shstrndx = static_cast<uint16_t>(header.e_shnum - 1);
    return header;
}

// One segment: what processes map as one piece.
Elf64_Phdr text_segment(const CacheModel &model) {
    Elf64_Phdr phdr = {};
    phdr.p_type = PT_LOAD;
    phdr.p_flags = PF_R | PF_X;
    phdr.p_filesz = phdr.p_memsz = model.mapped_size.raw();
    phdr.p_align = kPageSize;
    return phdr;
}

template <class Record> Extent extent(const Chunk &chunk) {
    return {chunk.file_offset.raw(), chunk.buffer.size() / sizeof(Record)};
}

CacheHeader cache_header(const CacheModel &model) {
    const SubCache &cache = *model.main;
    CacheHeader header = {};
    std::memcpy(header.file.magic, kCacheMagic, sizeof header.file.magic);
    header.file.version = kFormatVersion;
    header.file.header_size = sizeof(CacheHeader);
    header.file.body_offset = kPageSize;
    header.mapped_size = model.mapped_size.raw();
    header.heap_offset = cache.heap.vm_offset.raw();
    header.heap_size = cache.heap.vm_size.raw();
    header.region_size = model.region_size.raw();
    header.loader_entry = cache.loader.buffer.empty() ? 0 : cache.loader.vm_offset.raw();
    header.loader_size = cache.loader.buffer.size();
    header.data_size = model.data_size;
    header.images = extent<CacheImageRecord>(cache.images);
    header.segments = extent<CacheSegmentRecord>(cache.segments);
    header.strings = extent<char>(cache.strings);
    header.exports = extent<CacheExportRecord>(cache.exports);
    header.slide = extent<uint64_t>(cache.slide);
    std::copy(model.vdso_words.begin(), model.vdso_words.end(), header.vdso_words);
    return header;
}

void fill_header_page(CacheModel *model) {
    static_assert(sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr) <= kCacheHeaderOffset);
    std::vector<std::byte> &page = model->main->header.buffer;
    page.assign(kPageSize, std::byte(0));
    Elf64_Ehdr elf = elf_header(*model->main);
    Elf64_Phdr segment = text_segment(*model);
    CacheHeader header = cache_header(*model);
    std::memcpy(page.data(), &elf, sizeof elf);
    std::memcpy(page.data() + sizeof elf, &segment, sizeof segment);
    std::memcpy(page.data() + kCacheHeaderOffset, &header, sizeof header);
    for (size_t i = 0; i < kVdsoStubs; i++)
        if (model->vdso_words[i] != 0) {
            const auto code = vdso_stub(i, model->vdso_words[i]);
            std::copy(code.begin(), code.end(),
                      page.begin() + static_cast<std::ptrdiff_t>(vdso_stub_offset(i)));
        }
}

} // namespace

Done finalize_cache(CacheModel *model, const NamedFile &cache, Progress &progress) {
    FileOffset tree = place_tables(model);
    emit_sections(model);
    TRY(write_content(*model, cache));
    if (ftruncate(cache.fd, static_cast<off_t>(tree.raw())) != 0)
        return Failure::system(errno, cache.path, "cannot be extended");
    TRY(check_unchanged(*model));
    auto leaves = TRY(hash_body(cache.fd, kPageSize, tree.raw(), cache.path, progress));
    fill_header_page(model);
    auto *page = reinterpret_cast<unsigned char *>(model->main->header.buffer.data());
    seal_file_header(page, kCacheHeaderOffset, tree.raw(), leaves);
    TRY(write_at(cache.fd, tree.raw(), leaves.data(), leaves.size() * sizeof(Sha256), cache.path));
    TRY(write_chunk(model->main->header, cache));
    const auto *sealed = reinterpret_cast<const CacheHeader *>(page + kCacheHeaderOffset);
    model->main->uuid = sealed->file.uuid;
    model->main->size = FileSize(sealed->file.file_size);
    return Success{};
}

} // namespace sharedregion
