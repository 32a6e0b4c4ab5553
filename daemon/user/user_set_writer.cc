// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/user/user_set_writer.h"

#include "sharedregion/hash_tree.h"

#include <cstring>

namespace sharedregion {

namespace {

// `page`: the file's first, which is zero still.
void write_header(const UserSetPlan &plan, ByteView blob, unsigned char *page) {
    const RegionHeader &region = *plan.region;
    const SetHeader &set = plan.set->header();
    auto &header = *reinterpret_cast<UserSetHeader *>(page);
    std::memcpy(header.magic, kUserSetMagic, sizeof header.magic);
    header.version = kUserSetVersion;
    header.format_version = kFormatVersion;
    header.file_size = kPageSize + blob.size();
    header.activation = region.uuid;
    header.cache_uuid = region.cache_uuid;
    header.boot_id = plan.boot_id;
    header.base = region.base;
    header.key = set.key;
    header.path_hash = hash_path(plan.set->path(), std::strlen(plan.set->path()));
    header.state_hash = hash_state(plan.state);
    header.text_size = set.text_size != 0 ? set.text_size : region.mapped_size;
    header.blob_size = blob.size();
    header.blob_sum = checksum(blob.data(), blob.size());
    header.blob_sha256 = sha256(blob.data(), blob.size());
    if (plan.pieces.size() <= kMostUserSetPieces) {
        header.piece_count = static_cast<uint32_t>(plan.pieces.size());
        std::memcpy(&header + 1, plan.pieces.data(), plan.pieces.size() * sizeof(WritablePiece));
    }
    header.header_sum = header_checksum(&header);
}

} // namespace

std::vector<unsigned char> make_user_set(const UserSetPlan &plan) {
    ByteView blob = plan.set->bytes();
    std::vector<unsigned char> file(kPageSize + blob.size());
    unsigned char *begin = file.data() + kPageSize;
    std::memcpy(begin, blob.data(), blob.size());
    relr_for_each(plan.set->slide(), [&](uint64_t at) {
        uint64_t word;
        std::memcpy(&word, begin + at, sizeof word);
        word += plan.region->base;
        std::memcpy(begin + at, &word, sizeof word);
    });
    write_header(plan, ByteView(begin, blob.size()), file.data());
    return file;
}

uint64_t hash_state(const std::string &state) {
    return hash_path(state.data(), state.size());
}

} // namespace sharedregion
