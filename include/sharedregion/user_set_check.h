// SPDX-License-Identifier: GPL-2.0-or-later
// The checks of a user's set that need the region: what activation checks of its own sets, a start has to
// check of these, since nobody else did. Freestanding.
#pragma once

#include "sharedregion/set_view.h"
#include "sharedregion/user_set_format.h"

namespace sharedregion {

// What the words of a set in this region must fit into; images are not counted.
inline SetLimits limits_of(const RegionHeader &region) {
    return SetLimits{region.data_size, region.mapped_size, region.heap_offset,
                     region.heap_size, region.region_size, 0};
}

// Whether the kernel can be asked for these: not empty, in rising order, none over another, in the region.
inline bool are_pieces_of(const RegionHeader &region, Span<const WritablePiece> pieces) {
    uint64_t end = 0;
    for (const WritablePiece &piece : pieces) {
        if (piece.count == 0 || piece.page < end)
            return false;
        end = uint64_t{piece.page} + piece.count;
    }
    return end <= region.region_size / kPageSize;
}

// The set in a file that UserSetView::open() found to be whole and made for this region.
inline Result<SetView> check_user_set(const UserSetView &file, const RegionHeader &region) {
    SetView set = TRY(SetView::open(file.blob()));
    const uint64_t mapped = file.header().text_size;
    if (set.bytes().size() != file.blob().size())
        return Error{22, "user's set: size is wrong", offsetof(SetHeader, size)};
    // The second stage is entered before the set is looked at again.
    if (mapped < region.loader_entry || mapped - region.loader_entry < region.loader_size)
        return Error{22, "user's set: its text is without the second stage",
                     offsetof(UserSetHeader, text_size)};
    if (set.header().text_size > mapped || set.header().resume >= mapped)
        return Error{22, "user's set: resumes outside its text", offsetof(SetHeader, resume)};
    if (!are_pieces_of(region, file.pieces()))
        return Error{22, "user's set: its pieces do not lie in the region one behind the other",
                     sizeof(UserSetHeader)};
    TRY(set.check_words(limits_of(region)));
    return set;
}

} // namespace sharedregion
