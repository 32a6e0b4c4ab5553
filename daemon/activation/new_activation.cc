// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/activation/new_activation.h"

#include "daemon/activation/large_pages.h"
#include "daemon/activation/state_region.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sharedregion {

namespace {

constexpr char kTemporary[] = "region.tmp";

Outcome<UniqueFd> make_file(const UniqueFd &directory, const std::string &path) {
    UniqueFd fd(
        openat(directory.get(), kTemporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd.valid())
        return Failure::system(errno, path + "/" + kTemporary, "cannot make");
    return fd;
}

} // namespace

Outcome<NewActivation> NewActivation::make(const StateDirectory &state, const ActivationPlace &place,
                                           const Uuid &uuid) {
    const std::string name = activation_name(uuid), path = place.path + "/" + name;
    const mode_t mode = geteuid() == 0 && !place.secret ? 0755 : 0700;
    // The link first: what fails behind it takes it along, and nothing else has to be removed.
    NewSymlink active = TRY(state.make_active(path));
    UniqueFd directory = TRY(make_own_directory(place.directory.get(), name, path, mode));
    NewActivation fresh(place, name, std::move(directory), UniqueFd(), std::move(active));
    TRY(record_team(fresh.directory_.get(), path));
    fresh.file_ = TRY(make_file(fresh.directory_, path));
    return fresh;
}

NewActivation::NewActivation(const ActivationPlace &place, std::string name, UniqueFd directory,
                             UniqueFd file, NewSymlink active)
    : place_(place), name_(std::move(name)), directory_(std::move(directory)), file_(std::move(file)),
      active_(std::move(active)) {}

NewActivation::~NewActivation() {
    if (directory_.valid())
        (void)remove_tree(place_.directory.get(), name_, path());
}

std::string NewActivation::temporary() const {
    return path() + "/" + kTemporary;
}

Done NewActivation::reserve(const RegionPlan &plan) {
    RegionPlan first = plan;
    first.in_kernel = true;
    first.base = VMAddress(kLargePageSize);
    TRY(write_region(first, file_.get(), temporary()));
    return Success{};
}

Outcome<uint64_t> NewActivation::put_into_use(const RegionPlan &plan) {
    const uint64_t size = TRY(write_region(plan, file_.get(), temporary()));
    make_file_large(file_.get(), size);
    if (fchmod(file_.get(), 0444) != 0)
        return Failure::system(errno, temporary(), "cannot make read-only");
    if (renameat(directory_.get(), kTemporary, directory_.get(), "region") != 0)
        return Failure::system(errno, temporary(), "cannot rename");
    TRY(active_.commit());
    directory_ = UniqueFd();
    return size;
}

} // namespace sharedregion
