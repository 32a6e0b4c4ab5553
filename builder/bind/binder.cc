// SPDX-License-Identifier: GPL-2.0-or-later
// See binder.h. Relocation arithmetic: glibc 2.36 sysdeps/x86_64/dl-machine.h, elf_machine_rela.
#include "builder/bind/binder.h"

#include "sharedregion/relr.h"

namespace sharedregion {

namespace {

class ImageBinder {
  public:
    ImageBinder(const CacheModel &model, const SymbolIndex &index, ImageIndex image,
                std::vector<SegmentChunk> *segments)
        : image_(model.images[image]), self_(image), model_(model), segments_(*segments),
          resolver_(model, index, image), tls_(model, image_.scope) {}

    BindStatistics bind() {
        apply_relr();
        for (const Elf64_Rela &relocation : image_.elf.relocations)
            apply(relocation);
        for (const Elf64_Rela &relocation : image_.elf.plt_relocations)
            apply(relocation);
        return statistics_;
    }

  private:
    // Relocations come sorted by place, more or less: the last segment is nearly always the next one.
    DataContent &content(VMOffset place) {
        for (SegmentChunk &segment : segments_)
            if (segment.segment_kind == SegmentKind::Data && segment.data.contains(place, 8))
                last_ = &segment.data;
        return *last_;
    }
    DataContent &at(VMOffset place) {
        return last_ != nullptr && last_->contains(place, 8) ? *last_ : content(place);
    }
    void put(VMOffset place, uint64_t value, bool slides) { at(place).put(place, value, slides); }
    void put_half(VMOffset place, uint64_t value) {
        VMOffset word(align_down(place.raw(), 8));
        unsigned shift = (place.raw() - word.raw()) * 8;
        uint64_t kept = at(word).word(word) & ~(0xffffffffULL << shift);
        put(word, kept | (value & 0xffffffff) << shift, false);
    }

    void apply_relr() {
        const std::vector<uint64_t> &entries = image_.elf.relr;
        relr_for_each(Span<const uint64_t>(entries.data(), entries.size()), [&](uint64_t vaddr) {
            VMOffset place(image_.base.raw() + vaddr);
            put(place, at(place).word(place) + image_.base.raw(), true);
            statistics_.relocations++;
        });
    }

    const Target &resolve(const Elf64_Rela &relocation) {
        auto symbol = static_cast<uint32_t>(ELF64_R_SYM(relocation.r_info));
        if (symbol == 0 && image_.elf.symbols.empty())
            return nothing_;
        return resolver_.resolve(symbol);
    }

    // Address of a symbol plus addend, into a word.
    void put_address(VMOffset place, const Elf64_Rela &relocation) {
        const Target &target = resolve(relocation);
        auto addend = static_cast<uint64_t>(relocation.r_addend);
        if (target.is_ifunc()) {
            statistics_.from_capture++;
            return put(place, 0, false);
        }
        switch (target.kind) {
        case Target::Kind::Image:
            return put(place, model_.images[target.image].base.raw() + target.symbol->st_value + addend,
                       true);
        case Target::Kind::Absolute:
            return put(place, target.symbol->st_value + addend, false);
        case Target::Kind::Unresolved:
            count_unresolved(relocation);
            return put(place, addend, false);
        }
    }

    void count_unresolved(const Elf64_Rela &relocation) {
        uint64_t symbol = ELF64_R_SYM(relocation.r_info);
        if (symbol != 0 && ELF64_ST_BIND(image_.elf.symbols[symbol].st_info) != STB_WEAK)
            statistics_.unresolved++;
    }

    // Distance from the place to a symbol: the same at every slide.
    uint64_t distance(VMOffset place, const Elf64_Rela &relocation) {
        const Target &target = resolve(relocation);
        if (target.kind != Target::Kind::Image || target.is_ifunc()) {
            statistics_.from_capture++;
            return 0;
        }
        return model_.images[target.image].base.raw() + target.symbol->st_value +
               static_cast<uint64_t>(relocation.r_addend) - place.raw();
    }

    // Module and symbol of a TLS reference: symbol 0 means the image's own block.
    ImageIndex tls_image(const Elf64_Rela &relocation, const Target &target) const {
        return ELF64_R_SYM(relocation.r_info) == 0 || target.symbol == nullptr ? self_ : target.image;
    }

    void put_tls(VMOffset place, const Elf64_Rela &relocation) {
        const Target &target = resolve(relocation);
        bool own = ELF64_R_SYM(relocation.r_info) == 0;
        if (!own && target.symbol == nullptr) {
            count_unresolved(relocation);
            return put(place, 0, false);
        }
        ImageIndex image = tls_image(relocation, target);
        uint64_t value = (own ? 0 : target.symbol->st_value) + static_cast<uint64_t>(relocation.r_addend);
        switch (ELF64_R_TYPE(relocation.r_info)) {
        case R_X86_64_DTPMOD64:
            return put(place, tls_.module(image), false);
        case R_X86_64_DTPOFF64:
            return put(place, value, false);
        default:
            return put(place, value - tls_.offset(image), false);
        }
    }

    uint64_t symbol_size(const Elf64_Rela &relocation) {
        const Target &target = resolve(relocation);
        uint64_t size = target.symbol != nullptr ? target.symbol->st_size : 0;
        return size + static_cast<uint64_t>(relocation.r_addend);
    }

    void apply(const Elf64_Rela &relocation) {
        VMOffset place(image_.base.raw() + relocation.r_offset);
        auto addend = static_cast<uint64_t>(relocation.r_addend);
        statistics_.relocations++;
        switch (ELF64_R_TYPE(relocation.r_info)) {
        case R_X86_64_RELATIVE:
            return put(place, image_.base.raw() + addend, true);
        case R_X86_64_GLOB_DAT:
        case R_X86_64_JUMP_SLOT:
        case R_X86_64_64:
            return put_address(place, relocation);
        case R_X86_64_DTPMOD64:
        case R_X86_64_DTPOFF64:
        case R_X86_64_TPOFF64:
            return put_tls(place, relocation);
        case R_X86_64_SIZE64:
            return put(place, symbol_size(relocation), false);
        case R_X86_64_SIZE32:
            return put_half(place, symbol_size(relocation));
        case R_X86_64_PC32:
            return put_half(place, distance(place, relocation));
        case R_X86_64_32: { // fits for absolute symbols only; ld.so refuses others at run time
            const Target &target = resolve(relocation);
            bool absolute = target.kind == Target::Kind::Absolute;
            return put_half(place, absolute ? target.symbol->st_value + addend : 0);
        }
        case R_X86_64_TLSDESC: // the first word is a private function of ld.so
            statistics_.from_capture++;
            put(place + VMSize(8), 0, false);
            [[fallthrough]];
        case R_X86_64_IRELATIVE:
            statistics_.from_capture++;
            return put(place, 0, false);
        }
    }

    const CacheImage &image_;
    ImageIndex self_;
    const CacheModel &model_;
    std::vector<SegmentChunk> &segments_;
    Resolver resolver_;
    TlsLayout tls_;
    Target nothing_;
    DataContent *last_ = nullptr;
    BindStatistics statistics_;
};

} // namespace

BindStatistics bind_image(const CacheModel &model, const SymbolIndex &index, ImageIndex image,
                          std::vector<SegmentChunk> *segments) {
    return ImageBinder(model, index, image, segments).bind();
}

} // namespace sharedregion
