// SPDX-License-Identifier: GPL-2.0-or-later
// A user's own set: the file NAME.set in $XDG_CACHE_HOME/shared-region (docs/set-format.md).
//
// One page with a UserSetHeader and the pieces that the set needs writable of the kernel's region, then the
// set's blob (set_format.h), already slid to the base of the activation that it was made for. It holds for
// that activation alone, hence not after a reboot. Written by `dyldctl build-set`, read by ld-dyld.so when
// the activation has no set of the program.
#pragma once

#include "sharedregion/checksum.h"
#include "sharedregion/elf_view.h"
#include "sharedregion/file_header.h"
#include "sharedregion/region_format.h"
#include "sharedregion/set_format.h"
#include "sharedregion/units.h"
#include "sharedregion/user_mark.h"

namespace sharedregion {

inline constexpr char kUserSetMagic[8] = {'S', 'H', 'R', 'G', 'U', 'S', 'E', 'T'};
inline constexpr uint32_t kUserSetVersion = 2;
// Bytes of a file: larger ones are neither made nor looked at.
inline constexpr uint64_t kLargestUserSet = 64 << 20;

struct UserSetHeader {
    char magic[8];           // kUserSetMagic
    uint32_t version;        // kUserSetVersion
    uint32_t format_version; // kFormatVersion: of the blob
    uint64_t file_size;
    Uuid activation; // RegionHeader.uuid
    Uuid cache_uuid; // of the shared_cache
    Uuid boot_id;    // of the kernel that it was made on: tells dyldctl what can go
    uint64_t base;   // RegionHeader.base
    uint64_t key;    // program_key()
    uint64_t path_hash;
    uint64_t state_hash;  // of the state directory's path
    uint64_t text_size;   // bytes of the cache to map, never 0
    uint64_t blob_size;   // the blob begins at kPageSize and ends the file
    uint64_t blob_sum;    // checksum() of it
    Sha256 blob_sha256;   // the same for dyldctl
    uint32_t piece_count; // of WritablePiece, behind the header, rising; 0: not for the kernel's region
    uint32_t reserved32;
    uint64_t reserved[2];
    uint64_t header_sum; // checksum() of the first page with this field 0
};
static_assert(sizeof(UserSetHeader) % 32 == 0 && sizeof(UserSetHeader) <= kPageSize);

// A set that needs more (a piece is at most one library) is not for the kernel's region.
inline constexpr uint64_t kMostUserSetPieces = (kPageSize - sizeof(UserSetHeader)) / sizeof(WritablePiece);

// Hash of a canonical path, for names only: what is in the file decides.
inline uint64_t hash_path(const char *path, uint64_t size) {
    return fnv1a(path, size);
}

// Which file: KEY-PATH-ACTIVATION.set, 16 hexadecimal digits each. The key tells the executable (its
// build-id), the path keeps copies of it apart, and the activation those of another root directory or state.
struct UserSetName {
    static constexpr unsigned kDigits = 16;
    static constexpr unsigned kStem = 3 * kDigits + 2;
    char text[kStem + sizeof ".failed"];

    enum class Kind { Set, Failed, Lock };

    UserSetName(uint64_t key, uint64_t path_hash, const Uuid &activation, Kind kind = Kind::Set) {
        char *at = text;
        at = put_hex(at, key);
        *at++ = '-';
        at = put_hex(at, path_hash);
        *at++ = '-';
        at = put_hex(at, UserMark::begin_of(activation));
        const char *suffix = kind == Kind::Set ? ".set" : kind == Kind::Failed ? ".failed" : ".lock";
        while ((*at++ = *suffix++) != 0) {
        }
    }
};

// What the file has to fit to. Without an activation (nullptr) only the file itself is checked.
struct UserSetFit {
    const RegionHeader *region;
    uint64_t key, path_hash;
};

// `page` begins with the header and has kPageSize bytes.
inline uint64_t header_checksum(const UserSetHeader *page) {
    UserSetHeader copy = *page;
    copy.header_sum = 0;
    return checksum(page + 1, kPageSize - sizeof copy, checksum(&copy, sizeof copy));
}

// Header and checksum of a whole file: all that a start looks at. Nothing of the blob's structure (SetView).
class UserSetView {
  public:
    // Errors: EINVAL with the field's offset; ESTALE where the file is whole but made for something else.
    static Result<UserSetView> open(ByteView file, const UserSetFit *fit) {
        UserSetView view;
        const auto *header = file.at<UserSetHeader>(0);
        if (header == nullptr || file.size() < kPageSize)
            return wrong("shorter than its header", 0);
        if (__builtin_memcmp(header->magic, kUserSetMagic, sizeof header->magic) != 0 ||
            header->version != kUserSetVersion || header->format_version != kFormatVersion)
            return wrong("not a user's set of this version", offsetof(UserSetHeader, magic));
        if (header->header_sum != header_checksum(header))
            return wrong("header is damaged", offsetof(UserSetHeader, header_sum));
        if (header->file_size != file.size() || file.size() > kLargestUserSet || file.size() <= kPageSize ||
            header->blob_size != file.size() - kPageSize || !is_aligned(header->blob_size, kPageSize))
            return wrong("truncated or extended", offsetof(UserSetHeader, file_size));
        if (header->text_size == 0 || !is_aligned(header->text_size, kPageSize))
            return wrong("text size is no number of pages", offsetof(UserSetHeader, text_size));
        if (header->piece_count > kMostUserSetPieces)
            return wrong("more pieces than its first page holds", offsetof(UserSetHeader, piece_count));
        if (fit != nullptr)
            TRY(check_fit(*header, *fit));
        view.header_ = header;
        view.blob_ = file.part(kPageSize, header->blob_size);
        if (header->blob_sum != checksum(view.blob_.data(), view.blob_.size()))
            return wrong("content is damaged", kPageSize);
        return view;
    }

    const UserSetHeader &header() const { return *header_; }
    ByteView blob() const { return blob_; }
    Span<const WritablePiece> pieces() const {
        return {reinterpret_cast<const WritablePiece *>(header_ + 1), header_->piece_count};
    }

  private:
    static Error wrong(const char *what, uint64_t where) { return Error{22, what, where}; }

    static Status check_fit(const UserSetHeader &header, const UserSetFit &fit) {
        constexpr int kStale = 116; // ESTALE
        const RegionHeader &region = *fit.region;
        if (!(header.activation == region.uuid) || !(header.cache_uuid == region.cache_uuid) ||
            header.base != region.base)
            return Error{kStale, "made for another activation", offsetof(UserSetHeader, activation)};
        if (header.key != fit.key || header.path_hash != fit.path_hash)
            return Error{kStale, "made for another program", offsetof(UserSetHeader, key)};
        if (header.text_size > region.mapped_size)
            return wrong("needs more text than the cache holds", offsetof(UserSetHeader, text_size));
        return Success{};
    }

    const UserSetHeader *header_ = nullptr;
    ByteView blob_;
};

} // namespace sharedregion
