// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/activation/writable_pieces.h"

#include <algorithm>
#include <set>

namespace sharedregion {

namespace {

using Pages = std::set<uint64_t>;

// Pages of the region that the second stage writes: content that differs, and words that it fixes.
Pages written_pages(const SetView &set) {
    Pages pages;
    for (const SetPageOp &op : set.page_ops())
        if (Space(op.space) == Space::Region)
            for (uint64_t at = op.offset; at < op.offset + op.size; at += kPageSize)
                pages.insert(at / kPageSize);
    for (const SetFixupList &list : set.fixups())
        if (Space(list.space) == Space::Region)
            set.for_each_word(list, [&](uint64_t offset) {
                pages.insert(offset / kPageSize);
                pages.insert((offset + 7) / kPageSize);
            });
    return pages;
}

// End of the relro that begins at or before `begin` and reaches behind it; `begin`: none.
uint64_t relro_end(const SetView &set, uint64_t begin) {
    for (const SetProtect &protect : set.protects())
        if (Space(protect.space) == Space::Region && protect.offset <= begin &&
            begin < protect.offset + protect.size)
            return protect.offset + protect.size;
    return begin;
}

uint64_t first_needed(const SetView &set, const Pages &written, uint64_t begin) {
    uint64_t end = relro_end(set, begin);
    auto first = written.lower_bound(begin / kPageSize);
    return first == written.end() ? end : std::min(end, *first * kPageSize);
}

} // namespace

std::vector<WritablePiece> writable_pieces(const SetView &set, const OwnArea &own) {
    Pages written = written_pages(set);
    std::vector<WritablePiece> pieces;
    for (const SetDataMap &map : set.data_maps()) {
        if (own.contains(map.offset))
            continue;
        uint64_t begin = first_needed(set, written, map.offset);
        uint64_t end = map.offset + map.size + map.anon_size;
        if (begin < end)
            pieces.push_back({uint32_t(begin / kPageSize), uint32_t((end - begin) / kPageSize)});
    }
    std::sort(pieces.begin(), pieces.end(),
              [](const WritablePiece &a, const WritablePiece &b) { return a.page < b.page; });
    return pieces;
}

} // namespace sharedregion
