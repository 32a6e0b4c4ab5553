// SPDX-License-Identifier: GPL-2.0-or-later
// Phase 6c: base content becomes what most programs have (contract: phases.h).
//
// A page of base content is the binder's guess. Where more programs agree on another content (results of
// IFUNC resolvers, names that a library further in front defines), that becomes the base, and the
// programs that had the guess get it as a page of their own.
#include "builder/phases/phases.h"

#include "builder/sets/base_page.h"
#include "builder/support/parallel.h"

#include <algorithm>
#include <map>

namespace sharedregion {

namespace {

using Captures = std::vector<std::optional<ProgramCapture>>;

struct Candidate {
    const CapturedPage *page;
    uint64_t votes;
};

// A page of the base content before and after.
struct Adoption {
    CapturedPage before, after;
};

bool same_content(const CapturedPage &a, const CapturedPage &b) {
    return a.content == b.content && a.slide == b.slide;
}

// Programs per image.
std::vector<uint64_t> count_users(const CacheModel &model, const Captures &captures) {
    std::vector<uint64_t> users(model.images.size());
    for (const auto &capture : captures)
        if (capture)
            for (uint32_t image : capture->images)
                users[image]++;
    return users;
}

// By region offset: the contents that programs have instead of the base's, in the programs' order.
std::map<uint64_t, std::vector<Candidate>> count_votes(const CacheModel &model, const Captures &captures) {
    std::map<uint64_t, std::vector<Candidate>> votes;
    for (const auto &capture : captures) {
        if (!capture)
            continue;
        for (const CapturedPage &page : capture->pages) {
            const SegmentChunk *segment =
                page.space == Space::Region ? model.data_segment_at(VMOffset(page.offset)) : nullptr;
            if (segment == nullptr || !segment->data.contains(VMOffset(page.offset), kPageSize))
                continue; // loader heap, or bss that the file does not hold
            std::vector<Candidate> &candidates = votes[page.offset];
            auto same = std::find_if(candidates.begin(), candidates.end(), [&](const Candidate &candidate) {
                return same_content(*candidate.page, page);
            });
            if (same != candidates.end())
                same->votes++;
            else
                candidates.push_back({&page, 1});
        }
    }
    return votes;
}

std::map<uint64_t, Adoption> choose_adoptions(const CacheModel &model, const Captures &captures) {
    std::vector<uint64_t> users = count_users(model, captures);
    std::map<uint64_t, Adoption> adoptions;
    for (const auto &[offset, candidates] : count_votes(model, captures)) {
        const CacheImage *image = model.image_at(VMOffset(offset));
        uint64_t for_base = users[static_cast<size_t>(image - model.images.data())];
        const Candidate *best = &candidates.front();
        for (const Candidate &candidate : candidates) {
            for_base -= candidate.votes;
            if (candidate.votes > best->votes)
                best = &candidate;
        }
        if (best->votes > for_base)
            adoptions.emplace(offset, Adoption{base_page(ModelContent(model), offset), *best->page});
    }
    return adoptions;
}

// Where the base was what this program has, the program now needs a page; where it has the new base, none.
void complete(const CacheModel &model, const std::map<uint64_t, Adoption> &adoptions,
              ProgramCapture *capture) {
    std::vector<CapturedPage> added;
    auto page_at = [&](uint64_t offset) {
        return std::lower_bound(capture->pages.begin(), capture->pages.end(), offset,
                                [](const CapturedPage &page, uint64_t at) {
                                    return page.space == Space::Region && page.offset < at;
                                });
    };
    for (uint32_t index : capture->images) {
        const CacheImage &image = model.images[index];
        auto end = adoptions.lower_bound((image.base + image.size).raw());
        for (auto it = adoptions.lower_bound(image.base.raw()); it != end; ++it) {
            auto page = page_at(it->first);
            if (page == capture->pages.end() || page->space != Space::Region || page->offset != it->first)
                added.push_back(it->second.before);
            else if (same_content(*page, it->second.after))
                capture->pages.erase(page);
        }
    }
    for (CapturedPage &page : added)
        capture->pages.insert(page_at(page.offset), std::move(page));
}

void adopt(CacheModel *model, const CapturedPage &page) {
    VMOffset offset(page.offset);
    DataContent &data = model->data_segment_at(offset)->data;
    std::copy(page.content.begin(), page.content.end(), data.bytes() + (offset.raw() - data.begin().raw()));
    for (uint64_t at = 0; at < kPageSize; at += 8)
        data.set_slides(offset + VMSize(at), false);
    for (uint16_t at : page.slide)
        data.set_slides(offset + VMSize(at), true);
}

} // namespace

uint64_t adopt_captured_pages(CacheModel *model, Captures *captures) {
    std::map<uint64_t, Adoption> adoptions = choose_adoptions(*model, *captures);
    parallel_each(captures->size(), [&](size_t i) {
        if ((*captures)[i])
            complete(*model, adoptions, &*(*captures)[i]);
    });
    for (const auto &[offset, adoption] : adoptions)
        adopt(model, adoption.after);
    return adoptions.size();
}

} // namespace sharedregion
