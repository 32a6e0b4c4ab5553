// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/activation/activation.h"

#include "daemon/activation/new_activation.h"
#include "daemon/activation/place.h"
#include "daemon/activation/region_area.h"
#include "daemon/activation/region_writer.h"
#include "daemon/activation/state_region.h"
#include "daemon/files/other_root.h"
#include "daemon/files/region_device.h"
#include "daemon/system/team.h"

#include <cerrno>
#include <cmath>
#include <fcntl.h>
#include <set>
#include <sys/random.h>
#include <tuple>

namespace sharedregion {

namespace {

// A process that read the old symlink a moment ago gets this long to open what it points at.
constexpr useconds_t kGraceMicroseconds = 20000;

Outcome<uint64_t> random_below(uint64_t limit) {
    // Values from the incomplete last round of `limit` would make the first bases likelier: draw again.
    for (uint64_t unfair = (~0ULL % limit + 1) % limit;;) {
        uint64_t value;
        ssize_t got = getrandom(&value, sizeof value, 0);
        if (got < 0 && errno != EINTR)
            return Failure::system(errno, "", "getrandom");
        if (got == sizeof value && value <= ~0ULL - unfair)
            return value % limit;
    }
}

Outcome<VMAddress> choose_base(const Generation &generation) {
    VMSize size(generation.cache().header().region_size);
    RegionArea area = RegionArea::of_this_machine();
    uint64_t count = area.count(size);
    if (count == 0)
        return Failure::about(generation.cache_path(),
                              "larger than the region's area; build for fewer programs",
                              kCacheHeaderOffset + offsetof(CacheHeader, region_size));
    return area.base(TRY(random_below(count)), size);
}

// Adds what can be used now to plan->sets, the rest to activation->left_out.
Done choose_sets(const Generation &generation, const SetsView &sets, FileCheck &files, RegionPlan *plan,
                 Activation *activation) {
    // Hard links: one file under several paths needs one set.
    std::set<std::tuple<uint64_t, uint64_t>> seen;
    const bool with_shim = &sets == generation.shim_sets();
    for (const SetProgramRecord &program : sets.programs()) {
        if (!SetsView::captured(program))
            continue;
        SetView set = TRY(with_shim ? generation.shim_set(program) : generation.set(program));
        if (std::optional<Stale> stale = files.stale(set)) {
            activation->left_out.push_back(LeftOutSet{set.path(), *stale});
            continue;
        }
        const FileIdentity &identity = set.header().identity;
        if ((set.header().flags & kSetPathDependent) == 0 && !seen.emplace(identity.dev, identity.ino).second)
            continue;
        plan->sets.push_back(set);
        plan->keys.push_back(set.header().key);
    }
    return Success{};
}

Done choose_all_sets(const Generation &generation, RegionPlan *plan, Activation *activation) {
    FileCheck files;
    activation->environment = files.stale(generation.sets());
    TRY(choose_sets(generation, generation.sets(), files, plan, activation));
    activation->sets = plan->sets.size();
    if (generation.shim_sets() == nullptr)
        return Success{};
    plan->shim_path = generation.shim_sets()->preload();
    Activation with_shim = {}; // what is left out was named already
    return choose_sets(generation, *generation.shim_sets(), files, plan, &with_shim);
}

// Everything in `place` but `keep`: earlier activations and what a killed one left.
void remove_others(const ActivationPlace &place, const std::string &keep) {
    Outcome<std::vector<std::string>> names = list_directory(place.directory.get(), place.path);
    if (!names.ok())
        return;
    for (const std::string &name : names.value())
        if (name != keep)
            (void)remove_tree(place.directory.get(), name, place.path + "/" + name);
}

// A user's state directory is the user's own; the system's is for all processes unless it has to keep a
// secret (is_secret_place()). One that was closed for another reason stays closed.
Done adjust_state_mode(const StateDirectory &state, const ActivationPlace &place) {
    bool close = place.secret || geteuid() != 0;
    bool reopen = !close && is_secret_place(state.active_directory());
    if ((close || reopen) && fchmod(state.fd(), close ? 0700 : 0755) != 0)
        return Failure::system(errno, state.path(), "cannot set mode");
    return Success{};
}

void remove_older(const StateDirectory &state, const ActivationPlace &place, const std::string &name,
                  const std::string &old) {
    if (!old.empty())
        usleep(kGraceMicroseconds);
    remove_others(place, name);
    if (old.substr(0, old.rfind('/')) != place.path) // that place is no longer used
        remove_place_of(old, state.path());
}

// A region in the kernel is for every process of its environment: nothing for a secret.
bool wants_kernel_region(const ActivationRequest &request, const ActivationPlace &place) {
    return request.kernel == KernelRegion::Required ||
           (request.kernel == KernelRegion::IfPossible && geteuid() == 0 && !place.secret &&
            programs_have_region_device());
}

// Whether the kernel's region may be replaced; a note in `activation` where it may not.
bool may_replace(const ActivationRequest &request, const ActivationPlace &place, Activation *activation) {
    if (request.kernel == KernelRegion::Required)
        return true;
    const RegionOwner owner = owner_of_kernel_region(*request.state, place);
    if (owner.kind == RegionOwner::Kind::Another)
        activation->kernel_note = "no region in the kernel: it has that of " + owner.state +
                                  "; `dyldctl region configure` takes its place";
    if (owner.kind == RegionOwner::Kind::Unknown)
        activation->kernel_note = "the region " + owner.uuid + " in the kernel, of no activation in " +
                                  place.path.substr(0, place.path.rfind('/')) + ", was replaced";
    return owner.kind != RegionOwner::Kind::Another;
}

// Fills plan->base: as the kernel chose it for its region, else our own choice.
Done place_region(const ActivationRequest &request, bool to_kernel, RegionPlan *plan,
                  Activation *activation) {
    if (to_kernel) {
        Outcome<VMAddress> base = configure_kernel_region(*plan->generation, plan->uuid);
        plan->in_kernel = activation->in_kernel = base.ok();
        if (base.ok() && !programs_have_region_device())
            activation->kernel_note = "the region is configured; but this root directory has no "
                                      "/dev/shared_region, and until it has, programs map the cache's file";
        if (base.ok())
            plan->base = base.value();
        else if (request.kernel == KernelRegion::Required)
            return std::move(base.error());
        else
            activation->kernel_note = "no region in the kernel: " + base.error().message();
    }
    if (!plan->in_kernel)
        plan->base = TRY(choose_base(*plan->generation));
    return Success{};
}

} // namespace

double base_entropy_bits(VMSize region_size, bool in_kernel) {
    uint64_t count =
        in_kernel ? kernel_base_count(region_size) : RegionArea::of_this_machine().count(region_size);
    return count == 0 ? 0 : std::log2(double(count));
}

Outcome<Activation> activate(const ActivationRequest &request) {
    Generation generation = TRY(Generation::open(request.state->generation_path(request.generation)));
    TRY(generation.verify());
    return activate_verified(request, generation);
}

Outcome<Activation> activate_verified(const ActivationRequest &request, const Generation &generation) {
    Activation activation = {};
    RegionPlan plan = {};
    plan.generation = &generation;
    plan.cache_path = request.state->generation_path(request.generation) + "/shared_cache";
    if (getrandom(plan.uuid.bytes, sizeof plan.uuid.bytes, 0) != sizeof plan.uuid.bytes)
        return Failure::system(errno, "", "getrandom");
    TRY(choose_all_sets(generation, &plan, &activation));
    ActivationPlace place = TRY(make_activation_place(request.state->path(), request.tmpfs));
    TRY(adjust_state_mode(*request.state, place));
    const std::string old = request.state->active_directory();
    const std::optional<KernelRegionName> replaced = kernel_region_of(*request.state);
    const bool to_kernel = wants_kernel_region(request, place) && may_replace(request, place, &activation);
    NewActivation fresh = TRY(NewActivation::make(*request.state, place, plan.uuid));
    if (to_kernel) // all that can run out of space before the kernel gives up the region that it has
        TRY(fresh.reserve(plan));
    TRY(place_region(request, to_kernel, &plan, &activation));
    activation.directory = fresh.path();
    activation.note = place.note;
    activation.cache_uuid = generation.cache().header().file.uuid;
    activation.base = plan.base;
    activation.entropy_bits =
        base_entropy_bits(VMSize(generation.cache().header().region_size), plan.in_kernel);
    activation.text = make_text_large(generation);
    Outcome<uint64_t> size = fresh.put_into_use(plan);
    if (!size.ok() && plan.in_kernel)
        drop_kernel_region(plan.uuid);
    activation.bytes = TRY(std::move(size));
    remove_older(*request.state, place, activation_name(plan.uuid), old);
    // (A new one is put in the place of the old one of the same team.)
    if (replaced && (!plan.in_kernel || replaced->team != own_team()))
        drop(*replaced);
    return activation;
}

Outcome<bool> detach_kernel_region(const StateDirectory &state) {
    std::optional<KernelRegionName> region = kernel_region_of(state);
    if (!region)
        return false;
    // First the flag, which saves each start the question; those that have read it find nothing and do
    // without.
    TRY(forget_kernel_region(state));
    return retire(*region);
}

Done deactivate(const StateDirectory &state) {
    std::string old = state.active_directory();
    if (old.empty())
        return Success{};
    if (std::optional<KernelRegionName> region = kernel_region_of(state))
        drop(*region);
    if (unlinkat(state.fd(), "active", 0) != 0)
        return Failure::system(errno, state.file("active"), "cannot remove");
    remove_place_of(old, state.path());
    return Success{};
}

} // namespace sharedregion
