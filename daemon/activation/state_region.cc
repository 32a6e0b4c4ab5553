// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/activation/state_region.h"

#include "daemon/files/directory.h"
#include "daemon/files/other_root.h"
#include "daemon/files/region_device.h"
#include "daemon/state/active_region.h"
#include "daemon/system/team.h"
#include "uapi/linux/shared_region.h"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace sharedregion {

namespace {

// A region in the kernel belongs to the team that configured it, which alone finds it again: so its name lies
// beside the activation's file. No such file: nobody's.
constexpr char kTeamName[] = "team";

std::string recorded_team(const std::string &directory) {
    Outcome<MappedFile> file = MappedFile::open(directory + "/" + kTeamName);
    if (!file.ok())
        return "";
    const ByteView bytes = file.value().bytes();
    return std::string(reinterpret_cast<const char *>(bytes.data()), bytes.size());
}

// Whether a region is that of the activation in use, or of one beside it that was killed before it came into
// use.
bool is_of_state(const Uuid &uuid, const StateDirectory &state) {
    const std::string active = state.active_directory();
    const std::string beside = active.substr(0, active.rfind('/') + 1) + activation_name(uuid);
    return !active.empty() && access(beside.c_str(), F_OK) == 0;
}

} // namespace

Done record_team(int directory, const std::string &path) {
    const std::string &team = own_team();
    if (team.empty())
        return Success{};
    UniqueFd fd(openat(directory, kTeamName, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400));
    if (!fd.valid() || write(fd.get(), team.data(), team.size()) != ssize_t(team.size()))
        return Failure::system(errno, path + "/" + kTeamName, "cannot write");
    return Success{};
}

std::optional<KernelRegionName> kernel_region_of(const StateDirectory &state) {
    Outcome<std::optional<ActiveRegion>> active = ActiveRegion::open(state);
    if (!active.ok() || !active.value() || (active.value()->header().flags & kRegionInKernel) == 0)
        return std::nullopt;
    return KernelRegionName{active.value()->header().uuid, recorded_team(state.active_directory())};
}

Outcome<bool> retire(const KernelRegionName &region) {
    if (region.team == own_team())
        return retire_kernel_region(region.uuid);
    TRY(run_as_member(region.team, {"region", "retire", to_hex(region.uuid)}, SHARED_REGION_DEVICE));
    return true;
}

void drop(const KernelRegionName &region) {
    if (has_region_device())
        (void)retire(region);
}

Done forget_kernel_region(const StateDirectory &state) {
    const std::string path = state.active_directory() + "/region";
    UniqueFd fd = TRY(open_regular_inside(AT_FDCWD, path, O_RDWR, path));
    uint32_t flags;
    constexpr off_t kWhere = offsetof(RegionHeader, flags);
    if (pread(fd.get(), &flags, sizeof flags, kWhere) != sizeof flags)
        return Failure::system(errno, path, "cannot read");
    flags &= ~kRegionInKernel;
    if (pwrite(fd.get(), &flags, sizeof flags, kWhere) != sizeof flags)
        return Failure::system(errno, path, "cannot write");
    return Success{};
}

RegionOwner owner_of_kernel_region(const StateDirectory &state, const ActivationPlace &place) {
    using Kind = RegionOwner::Kind;
    Outcome<std::optional<KernelRegionState>> now = query_kernel_region();
    if (!now.ok() || !now.value() || !now.value()->configured)
        return {Kind::Nobody, "", ""};
    const Uuid &uuid = now.value()->uuid;
    const std::string owner = state_of_activation(place, activation_name(uuid));
    if (owner == state.path() || is_of_state(uuid, state))
        return {Kind::Own, state.path(), to_hex(uuid)};
    return {owner.empty() ? Kind::Unknown : Kind::Another, owner, to_hex(uuid)};
}

RegionLoss kernel_region_loss(const StateDirectory &state) {
    const std::optional<KernelRegionName> own = kernel_region_of(state);
    Outcome<std::optional<KernelRegionState>> now = query_kernel_region();
    if (!own || own->team != own_team() || !now.ok())
        return RegionLoss::None;
    if (!now.value())
        return RegionLoss::NoDevice;
    if (!now.value()->configured)
        return RegionLoss::Gone;
    if (now.value()->uuid == own->uuid)
        return RegionLoss::None;
    return is_of_state(now.value()->uuid, state) ? RegionLoss::Unfinished : RegionLoss::Replaced;
}

} // namespace sharedregion
