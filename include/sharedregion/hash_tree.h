// SPDX-License-Identifier: GPL-2.0-or-later
// Making and checking the SHA-256 tree of a FileHeader (file_header.h says what it covers).
//
// Hosted: uses libcrypto. Builder (makes), daemon and dyldctl (check).
#pragma once

#include "sharedregion/failure.h"
#include "sharedregion/file_header.h"
#include "sharedregion/header_check.h"
#include "sharedregion/view.h"

#include <cstring>
#include <openssl/sha.h>
#include <vector>

namespace sharedregion {

inline Sha256 sha256(const void *data, uint64_t size) {
    Sha256 digest;
    SHA256(static_cast<const unsigned char *>(data), size, digest.bytes);
    return digest;
}

// The SHA-256 of each block of `body`, in order.
inline std::vector<Sha256> hash_blocks(ByteView body, uint32_t block_size = kHashBlockSize) {
    std::vector<Sha256> leaves;
    for (uint64_t at = 0; at < body.size(); at += block_size) {
        uint64_t length = body.size() - at < block_size ? body.size() - at : block_size;
        leaves.push_back(sha256(body.data() + at, length));
    }
    return leaves;
}

// SHA-256 of the header pages with `header_hash` (at `header_offset` in them) taken as zero.
inline Sha256 hash_header(ByteView header_pages, uint64_t header_offset) {
    std::vector<unsigned char> copy(header_pages.data(), header_pages.data() + header_pages.size());
    if (header_pages.contains(header_offset, sizeof(FileHeader)))
        std::memset(copy.data() + header_offset + offsetof(FileHeader, header_hash), 0, sizeof(Sha256));
    return sha256(copy.data(), copy.size());
}

// Checks every byte of the file against the tree. Errors carry the offset of the first wrong block.
inline Status verify_hash_tree(ByteView file, uint64_t header_offset) {
    const auto *header = file.at<FileHeader>(header_offset);
    if (!(hash_header(file.part(0, header->body_offset), header_offset) == header->header_hash))
        return Error{74, "header does not match its SHA-256; build it again", header_offset};
    ByteView leaves = file.part(header->tree_offset, file.size() - header->tree_offset);
    if (!(sha256(leaves.data(), leaves.size()) == header->tree_root))
        return Error{74, "hash tree does not match its root; build it again", header->tree_offset};
    std::vector<Sha256> found =
        hash_blocks(file.part(header->body_offset, header->tree_offset - header->body_offset));
    for (uint64_t i = 0; i < found.size(); i++)
        if (std::memcmp(&found[i], leaves.data() + i * sizeof(Sha256), sizeof(Sha256)) != 0)
            return Error{74, "block does not match its SHA-256; build it again",
                         header->body_offset + i * kHashBlockSize};
    return Success{};
}

// Fills tree fields, UUID and header hash of the header at `header_offset` of `header_pages` (which
// is [0, body_offset) of the file); magic, version, header_size, body_offset are the caller's.
inline void seal_file_header(unsigned char *header_pages, uint64_t header_offset, uint64_t tree_offset,
                             const std::vector<Sha256> &leaves) {
    auto *header = reinterpret_cast<FileHeader *>(header_pages + header_offset);
    header->tree_offset = tree_offset;
    header->file_size = tree_offset + leaves.size() * sizeof(Sha256);
    header->block_size = kHashBlockSize;
    header->block_count = static_cast<uint32_t>(leaves.size());
    header->tree_root = sha256(leaves.data(), leaves.size() * sizeof(Sha256));
    std::memcpy(header->uuid.bytes, header->tree_root.bytes, sizeof header->uuid.bytes);
    header->header_hash = hash_header(ByteView(header_pages, header->body_offset), header_offset);
}

} // namespace sharedregion
