// SPDX-License-Identifier: GPL-2.0-or-later
// The files of an activation that is being made: its directory in the tmpfs with the region file, and the
// symlink by which the state directory names it. Until put_into_use() succeeds nobody sees them, and they go
// again.
#pragma once

#include "daemon/activation/place.h"
#include "daemon/activation/region_writer.h"
#include "daemon/files/directory.h"
#include "daemon/state/state.h"

namespace sharedregion {

class NewActivation {
  public:
    // `place` stays as long as this.
    static Outcome<NewActivation> make(const StateDirectory &state, const ActivationPlace &place,
                                       const Uuid &uuid);
    NewActivation(NewActivation &&) = default;
    ~NewActivation();

    std::string path() const { return place_.path + "/" + name_; } // of the directory

    // Takes the space for the file with a region in the kernel, whose base is not known yet: by writing it
    // for another one, since a file with holes has no other way.
    Done reserve(const RegionPlan &plan);

    // Writes the region file and switches `active`. Returns the file's size.
    Outcome<uint64_t> put_into_use(const RegionPlan &plan);

  private:
    NewActivation(const ActivationPlace &place, std::string name, UniqueFd directory, UniqueFd file,
                  NewSymlink active);
    std::string temporary() const;

    const ActivationPlace &place_;
    std::string name_;
    UniqueFd directory_; // invalid: in use, or moved from
    UniqueFd file_;
    NewSymlink active_;
};

} // namespace sharedregion
