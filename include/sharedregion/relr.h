// SPDX-License-Identifier: GPL-2.0-or-later
// RELR: a compact list of offsets of 8-byte words.
//
// The encoding is that of SHT_RELR (gABI proposal "SHT_RELR", 2018): an even entry is an offset; an
// odd entry is a bitmap of the 63 words that follow what came before.
#pragma once

#include "sharedregion/view.h"

namespace sharedregion {

// Calls visit(offset) for each word, in rising order.
template <class Visit> inline void relr_for_each(Span<const uint64_t> entries, Visit visit) {
    uint64_t next = 0;
    for (uint64_t entry : entries) {
        if ((entry & 1) == 0) {
            visit(entry);
            next = entry + 8;
            continue;
        }
        uint64_t offset = next;
        for (uint64_t bits = entry >> 1; bits != 0; bits >>= 1, offset += 8)
            if (bits & 1)
                visit(offset);
        next += 63 * 8;
    }
}

// Appends the encoding of `offsets` (sorted, unique, multiples of 8) to `out` (push_back).
template <class Offsets, class Out> inline void relr_encode(const Offsets &offsets, Out *out) {
    uint64_t count = offsets.size();
    for (uint64_t i = 0; i < count;) {
        out->push_back(offsets[i]);
        uint64_t next = offsets[i] + 8;
        i++;
        while (i < count) {
            uint64_t bits = 0;
            for (; i < count && offsets[i] - next < 63 * 8; i++)
                bits |= 1ULL << ((offsets[i] - next) / 8);
            if (bits == 0)
                break;
            out->push_back(bits << 1 | 1);
            next += 63 * 8;
        }
    }
}

} // namespace sharedregion
