// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/state/active_region.h"

#include <cerrno>
#include <fcntl.h>
#include <set>

namespace sharedregion {

Outcome<std::optional<ActiveRegion>> ActiveRegion::open(const StateDirectory &state) {
    return open(state.path());
}

Outcome<std::optional<ActiveRegion>> ActiveRegion::open(const std::string &state) {
    std::string path = read_symlink(AT_FDCWD, state + "/active") + "/region";
    struct stat st;
    if (path[0] != '/' || path == "/region" || (stat(path.c_str(), &st) != 0 && errno == ENOENT))
        return std::optional<ActiveRegion>();
    MappedFile file = TRY(MappedFile::open(path));
    const auto *header = file.bytes().at<RegionHeader>(0);
    if (header == nullptr || std::memcmp(header->magic, kRegionMagic, sizeof header->magic) != 0 ||
        header->version != kFormatVersion || header->file_size != file.bytes().size())
        return Failure::about(path, "not a region file of this version; run `dyldctl activate`", 0);
    return std::optional<ActiveRegion>(ActiveRegion(std::move(file), uint64_t(st.st_blocks) * 512));
}

std::string ActiveRegion::cache_path() const {
    ByteView strings = file_.bytes().part(header().strings.offset, header().strings.size);
    const char *path = strings.string(header().cache_path.offset);
    return path == nullptr ? "" : path;
}

bool ActiveRegion::is_current(const StateDirectory &state) const {
    std::string current = state.generation_path(state.current_generation()) + "/shared_cache";
    return cache_path() == current && header().cache == identity_of_path(current);
}

Span<const RegionIndexSlot> ActiveRegion::index() const {
    Span<const RegionIndexSlot> slots;
    (void)file_.bytes().array(header().index.offset, header().index.size, &slots);
    return slots;
}

uint64_t ActiveRegion::set_count() const {
    std::set<uint64_t> blobs; // one with the shim has two slots
    for (const RegionIndexSlot &slot : index())
        if (slot.key != 0)
            blobs.insert(slot.blob_offset);
    return blobs.size();
}

bool ActiveRegion::contains(uint64_t key) const {
    for (const RegionIndexSlot &slot : index())
        if (slot.key == key)
            return true;
    return false;
}

std::optional<SetView> ActiveRegion::find_set(uint64_t key, const FileIdentity &identity) const {
    for (const RegionIndexSlot &slot : index()) {
        if (slot.key != key)
            continue;
        Result<SetView> set = SetView::open(file_.bytes().part(slot.blob_offset, slot.blob_size));
        if (set.ok() && set.value().header().identity == identity)
            return set.value();
    }
    return std::nullopt;
}

} // namespace sharedregion
