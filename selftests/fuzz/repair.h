// SPDX-License-Identifier: GPL-2.0-or-later
// A second try for a fuzz input: what a view checks first (magic, version, sizes) is set right.
//
// Nearly every mutation spoils one of these fields, and then nothing behind them is looked at. Fields that
// already are as they should be stay, so an input that was good is the same after it.
#pragma once

#include "sharedregion/file_header.h"
#include "sharedregion/set_format.h"
#include "sharedregion/units.h"

#include <cstring>
#include <vector>

namespace sharedregion {

// Fuzz inputs have no alignment; records need 8 bytes. `size` may be less than the words hold.
struct FuzzBytes {
    std::vector<uint64_t> words;
    size_t size;

    FuzzBytes(const uint8_t *data, size_t length) : words((length + 7) / 8), size(length) {
        if (length != 0)
            memcpy(words.data(), data, length);
    }
    unsigned char *at(uint64_t offset) { return reinterpret_cast<unsigned char *>(words.data()) + offset; }
    ByteView view() const { return ByteView(words.data(), size); }
};

// The header of a whole file at `offset`: also the extents of body and hash tree.
inline void repair_file(FuzzBytes *bytes, uint64_t offset, const char (&magic)[8], uint32_t header_size) {
    if (bytes->size < offset + header_size)
        return;
    auto &header = *reinterpret_cast<FileHeader *>(bytes->at(offset));
    memcpy(header.magic, magic, sizeof magic);
    header.version = kFormatVersion;
    header.header_size = header_size;
    header.file_size = bytes->size;
    header.block_size = kHashBlockSize;
    if (header.body_offset < offset + header_size || header.body_offset > bytes->size)
        header.body_offset = offset + header_size;
    const uint64_t rest = bytes->size - header.body_offset;
    for (uint32_t blocks = 0; blocks * sizeof(Sha256) <= rest; blocks++) {
        const uint64_t body = rest - blocks * sizeof(Sha256);
        if ((body + kHashBlockSize - 1) / kHashBlockSize != blocks)
            continue;
        header.tree_offset = header.body_offset + body;
        header.block_count = blocks;
        break;
    }
}

// A set blob at `offset`, which may go on to the end.
inline void repair_set(FuzzBytes *bytes, uint64_t offset) {
    const uint64_t room = offset < bytes->size ? align_down(bytes->size - offset, kPageSize) : 0;
    if (room == 0 || !is_aligned(offset, 8))
        return;
    auto &header = *reinterpret_cast<SetHeader *>(bytes->at(offset));
    header.magic = kSetMagic;
    header.version = kFormatVersion;
    if (header.size == 0 || header.size > room || !is_aligned(header.size, kPageSize))
        header.size = room;
    if (header.metadata_size <= sizeof header || header.metadata_size > header.size)
        header.metadata_size = sizeof header + 1 + header.metadata_size % (header.size - sizeof header);
    *bytes->at(offset + header.metadata_size - 1) = 0;
    header.resume = header.resume == 0 || header.resume >> 47 != 0 ? kPageSize : header.resume;
    header.heap_size = align_down(header.heap_size, kPageSize);
    header.text_size = align_down(header.text_size, kPageSize);
}

} // namespace sharedregion
