// SPDX-License-Identifier: GPL-2.0-or-later
// The activation in use, as far as its header tells (for status and list).
#pragma once

#include "daemon/files/mapped_file.h"
#include "daemon/state/state.h"
#include "sharedregion/region_format.h"
#include "sharedregion/set_view.h"

#include <optional>
#include <set>

namespace sharedregion {

class ActiveRegion {
  public:
    // nullopt: nothing is activated (never, or not since boot). Errors: the file is damaged.
    static Outcome<std::optional<ActiveRegion>> open(const StateDirectory &state);
    // The same for the path of a state directory, which is not looked at.
    static Outcome<std::optional<ActiveRegion>> open(const std::string &state);

    const RegionHeader &header() const { return *file_.bytes().at<RegionHeader>(0); }
    const std::string &path() const { return file_.path(); }
    uint64_t bytes() const { return file_.bytes().size(); }
    uint64_t memory() const { return memory_; } // bytes of the tmpfs in use (holes take none)
    // Whether it was made from the generation that is current now, in this very directory.
    bool is_current(const StateDirectory &state) const;
    std::string cache_path() const; // of the shared_cache that it was made from; empty: damaged
    uint64_t set_count() const;
    // Whether a set of this key is in use.
    bool contains(uint64_t key) const;
    // The set in use for this very file; nullopt: none.
    std::optional<SetView> find_set(uint64_t key, const FileIdentity &identity) const;

  private:
    ActiveRegion(MappedFile file, uint64_t memory) : file_(std::move(file)), memory_(memory) {}
    Span<const RegionIndexSlot> index() const;
    MappedFile file_;
    uint64_t memory_;
};

} // namespace sharedregion
