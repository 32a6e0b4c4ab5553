// SPDX-License-Identifier: GPL-2.0-or-later
// The structural check of a FileHeader: sizes and extents, no hashes (those: hash_tree.h).
//
// Freestanding. Every view of a whole file (cache_view.h, set_view.h) begins with it.
#pragma once

#include "sharedregion/file_header.h"
#include "sharedregion/result.h"
#include "sharedregion/view.h"

namespace sharedregion {

// Checks magic, version, sizes and that the tree's extents fit; reads no body. `file` is the whole
// file, the header lies at `header_offset`. Errors carry the offset of the field.
inline Result<const FileHeader *> check_file_header(ByteView file, uint64_t header_offset,
                                                    const char (&magic)[8], uint32_t header_size) {
    const auto *header = file.at<FileHeader>(header_offset);
    auto wrong = [&](const char *what, uint64_t field) { return Error{22, what, header_offset + field}; };
    if (header == nullptr || !file.contains(header_offset, header_size))
        return wrong("too short for its header; build it again", 0);
    for (unsigned i = 0; i < sizeof header->magic; i++)
        if (header->magic[i] != magic[i])
            return wrong("wrong magic: not a file of this kind", offsetof(FileHeader, magic));
    if (header->version != kFormatVersion)
        return wrong("format version is not supported; build it again", offsetof(FileHeader, version));
    if (header->header_size != header_size)
        return wrong("header has another size; build it again", offsetof(FileHeader, header_size));
    if (header->file_size != file.size())
        return wrong("file is truncated or extended; build it again", offsetof(FileHeader, file_size));
    if (header->block_size != kHashBlockSize)
        return wrong("hash block size is not supported", offsetof(FileHeader, block_size));
    if (header->body_offset < header_offset + header_size || header->body_offset > header->tree_offset ||
        header->tree_offset > file.size())
        return wrong("hashed parts lie outside the file", offsetof(FileHeader, body_offset));
    uint64_t blocks = (header->tree_offset - header->body_offset + kHashBlockSize - 1) / kHashBlockSize;
    if (header->block_count != blocks || file.size() - header->tree_offset != blocks * sizeof(Sha256))
        return wrong("hash tree has another size than the body needs", offsetof(FileHeader, block_count));
    return header;
}

// The string that `ref` names in a string table: NUL-terminated at offset + size, else nullptr.
inline const char *checked_string(ByteView strings, StringRef ref) {
    uint64_t end = uint64_t(ref.offset) + ref.size;
    if (!strings.contains(end, 1) || strings.data()[end] != 0)
        return nullptr;
    return reinterpret_cast<const char *>(strings.data() + ref.offset);
}

} // namespace sharedregion
